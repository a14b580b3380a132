"""Files beside those of a distribution, which Python would import in their place."""

from __future__ import annotations

import sys
from importlib.machinery import EXTENSION_SUFFIXES, PathFinder, all_suffixes
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_CACHES = "__pycache__"
_IMPORTABLE = tuple(dict.fromkeys((*all_suffixes(), *EXTENSION_SUFFIXES)))
_UNCHECKED = 0b01
"""The flags of a cache that Python runs without a look at the source: https://peps.python.org/pep-0552/"""


class Unidentified(Exception):  # noqa: N818 -- a reason, as it ends up in a record
    """Why a distribution cannot be identified."""


def check_nothing_beside(listed: Collection[Path]) -> None:
    """Refuse a distribution whose modules would not all be imported from the files it lists.

    Args:
        listed: Its files, resolved.

    Raises:
        Unidentified: A module would come from another place, or a folder holds code that is not listed.
    """
    code = {file for file in listed if file.name.endswith(_IMPORTABLE)}
    packages = {file.parent for file in code if file.name == "__init__.py"}
    tops = {folder for folder in packages if folder.parent not in packages}
    for folder in tops:
        for file in _code_in(folder):
            if file.resolve() not in code:
                raise Unidentified(f"its folder has {file.relative_to(folder.parent)}, which it did not install")
        check_caches(folder)
    roots = {Path(folder).resolve() for folder in sys.path}
    modules = {file for file in code if tops.isdisjoint(file.parents)}
    for file in {*(folder / "__init__.py" for folder in tops), *modules}:
        place = file.parent if file.parent in tops else file
        name = place.name.partition(".")[0]
        spec = PathFinder.find_spec(name, None if place.parent in roots else [str(place.parent)])
        if spec is not None and spec.origin is not None and Path(spec.origin).resolve() != file:
            raise Unidentified(f"its module '{name}' would be imported from {spec.origin}")


def check_caches(folder: Path) -> None:
    """Refuse code that was compiled elsewhere, and that Python would run whatever its source is.

    Raises:
        Unidentified: There is such a file.
    """
    for file in folder.rglob(f"{_CACHES}/*.pyc"):
        with file.open("rb") as opened:
            head = opened.read(8)
        if int.from_bytes(head[4:], "little") & 0b11 == _UNCHECKED:
            raise Unidentified(f"its cache {file.relative_to(folder.parent)} would be run without a look at its source")


def _code_in(folder: Path) -> Iterator[Path]:
    return (file for file in folder.rglob("*") if file.name.endswith(_IMPORTABLE) and file.parent.name != _CACHES)
