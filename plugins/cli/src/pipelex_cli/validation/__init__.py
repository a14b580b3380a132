"""What `pipelex validate` finds beyond a load, and how findings are shown.

A load checks what it needs to be sure of; `validate` goes on from there: credentials that are placeholders, specs that
contradict themselves, routes without use, chains of different kinds, defaults that cannot do what is asked of them, the
SDKs that are installed, the bundles of the project, and, where asked to, the providers themselves.
"""

from __future__ import annotations

from pipelex_cli.validation.report import Report, Validation

__all__ = ["Report", "Validation"]
