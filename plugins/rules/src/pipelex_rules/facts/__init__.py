"""Runs a file of facts, one JSON object a line, against the rules: what `python -m pipelex_rules FILE.jsonl` does.

A fact names a provider, an API, a place in the request (`where`), and two fragments for it: one that the provider takes and
one that it refuses. The rest of the request is chosen so that the valid fragment makes a good one.
"""
