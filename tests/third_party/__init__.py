"""Distributions as strangers would write them, outside the workspace."""
