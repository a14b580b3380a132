"""Recording and replaying what providers answer."""
