"""Backends with one planted defect each, and a sound one: what the conformance kit must tell apart."""
