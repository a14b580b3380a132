"""What surrounds one call to a provider: the backends of a loop, attempts, clocks and the ledger."""
