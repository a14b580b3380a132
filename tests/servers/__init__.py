"""Loopback servers that the tests run the real SDKs against."""
