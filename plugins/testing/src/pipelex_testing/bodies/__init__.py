"""What providers put on the wire, document by document: answers, events of streams, errors.

A wire says what a provider answers to a scenario; these functions build the answer. A test of one plugin, which wants an
answer of its own, builds it from the same functions.
"""
