"""What engines on this machine share: weights that are fetched once, and work in a thread that can be given up."""
