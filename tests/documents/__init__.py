"""PDFs that tests make for themselves: none is kept as a file."""
