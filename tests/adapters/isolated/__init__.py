"""Tests that run in environments of their own, which `tests/adapters/test_isolated.py` makes."""
