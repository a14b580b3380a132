"""A plugin framework through which Python programs use AI providers."""
