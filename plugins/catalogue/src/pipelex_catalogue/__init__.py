"""Data alone: `catalogue.toml` has its date, and `models/` a file of models for each backend. `pipelex catalogue` reads them."""
