"""A newer catalogue of models for a project: read, checked against its hash or signature, compared, written."""
