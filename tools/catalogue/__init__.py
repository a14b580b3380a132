"""Models' specs from facts: what `python -m tools.catalogue` writes into the files that plugins ship."""
