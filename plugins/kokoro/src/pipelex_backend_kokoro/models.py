"""The models this plugin knows by name, and fetching them; needs no SDK.

>>> sorted(catalogue())
['kokoro-82m']
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from pipelex_local.weights import Model, bring, models_in, named

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pipelex_local.weights import Progress

__all__ = ["catalogue", "fetch"]

ENGINE = "kokoro"


@cache
def catalogue() -> Mapping[str, Model]:
    """Every model that can be fetched by name."""
    return models_in(files(__package__).joinpath("catalogue.toml").read_text(encoding="utf-8"))


def fetch(
    name: str,
    *,
    cache_dir: str | Path | None = None,
    progress: Progress | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> Path:
    """Bring a model onto this machine, once; the folder of its files.

    Raises:
        NotFoundError: The catalogue has no such model.
        CallError: As `pipelex_local.weights.bring`.
    """
    model = named(name, catalogue())
    return bring(model.name, model.files, model.folder(ENGINE, cache_dir), progress=progress, stopped=stopped)
