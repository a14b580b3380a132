"""Benchmarks: every figure a ratio taken in one run, interleaved, in CPU time; `poe bench` prints them all."""
