"""The names of a new distribution, all made of one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import frozen

from pipelex_core.errors import PipelexError
from pipelex_core.first_party import FIRST_PARTY

if TYPE_CHECKING:
    from collections.abc import Collection

LONGEST = 32
_PREFIX = "pipelex-backend-"
_NAME = re.compile(r"[a-z](?:[a-z0-9]|-(?=[a-z0-9]))*")
_FIRST_PARTY = frozenset(distribution.removeprefix(_PREFIX) for distribution in FIRST_PARTY.values())


@frozen(kw_only=True)
class Names:
    """What a distribution and its parts are called.

    Attributes:
        distribution: Such as `pipelex-backend-acme-cloud`; the folder has this name too.
        module: Such as `pipelex_backend_acme_cloud`.
        backend: Its table in backends.toml, and its sdk: `acme_cloud`.
        title: For people: `Acme Cloud`.
        class_name: The beginning of its classes' names: `AcmeCloud`.
        variable: The environment variable of its key: `ACME_CLOUD_API_KEY`.
    """

    distribution: str
    module: str
    backend: str
    title: str
    class_name: str
    variable: str


def names_for(name: str, taken: Collection[str] = ()) -> Names:
    """The names that follow from a provider's name, such as `acme` or `acme-cloud`.

    Args:
        name: Lower-case letters and digits, in words joined by single hyphens.
        taken: Backends and sdks that there are already.

    Raises:
        PipelexError: It is no such name, or one that is taken; with the nearest that would do.
    """
    if not _NAME.fullmatch(name) or len(name) > LONGEST or name.startswith(_PREFIX):
        raise PipelexError(_wrong(name))
    words = name.split("-")
    backend = "_".join(words)
    if name in _FIRST_PARTY or backend in FIRST_PARTY or backend in taken:
        whose = "a plugin of this project" if name in _FIRST_PARTY or backend in FIRST_PARTY else "an installed plugin"
        msg = f"'{name}' is taken by {whose}; try '{name}-2', or the name of what differs"
        raise PipelexError(msg)
    return Names(
        distribution=f"{_PREFIX}{name}",
        module=f"pipelex_backend_{backend}",
        backend=backend,
        title=" ".join(word.capitalize() for word in words),
        class_name="".join(word.capitalize() for word in words),
        variable=f"{backend.upper()}_API_KEY",
    )


def _wrong(name: str) -> str:
    rule = f"lower-case letters and digits, words joined by single hyphens, {LONGEST} characters at most"
    nearest = _nearest(name)
    hint = f"; try '{nearest}'" if nearest else ""
    return f"'{name}' cannot be the name of a backend: {rule}{hint}"


def _nearest(name: str) -> str:
    """A name with the same letters and digits; empty where there are none."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()
    begun = re.sub(r"^[^a-z]+", "", parted)
    own = re.sub(r"^(?:(?:pipelex|backend)(?![a-z0-9])[^a-z]*)+", "", begun)
    return "-".join(re.findall(r"[a-z0-9]+", own))[:LONGEST].rstrip("-")
