"""One table of behaviour for all providers: each cell a test, through core's public client and the real SDK."""
