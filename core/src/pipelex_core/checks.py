"""What a plugin's check of a configuration gets and gives: see `pipelex_core.hookspecs.pipelex_checks`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from pathlib import Path

    from pipelex_core.deck import ModelDeck
    from pipelex_core.errors import Severity
    from pipelex_core.specs import Source


@frozen(kw_only=True)
class CheckedConfig:
    """A configuration as it was read; what is faulty in it has been reported, and is not here.

    Attributes:
        deck: Every model, alias, preset and default, and the enabled backends; each knows its `source`.
        folder: The `inference/` folder.
    """

    deck: ModelDeck
    folder: Path


@frozen(kw_only=True)
class Finding:
    """One problem that a check found.

    Attributes:
        message: What is wrong, in a sentence that names file, table or key, and never a secret.
        source: Where it was written, such as `deck.backends["acme"].source.child("region")`; None for the whole project.
        severity: `"error"` makes `pipelex validate` fail; it never stops a load.
        expected: What would have been right.
        suggestion: What mends it.
    """

    message: str
    source: Source | None = None
    severity: Severity = "warning"
    expected: str | None = None
    suggestion: str | None = None
