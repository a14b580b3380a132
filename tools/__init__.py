"""What makes the documentation, the releases and the benchmarks; nothing here is shipped, and nothing is a test."""
