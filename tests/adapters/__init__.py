"""Adapters: the interfaces of other libraries, tested against those libraries."""
