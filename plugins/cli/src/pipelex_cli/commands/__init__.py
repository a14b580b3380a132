"""One module a command; a command imports what it needs, when it runs."""
