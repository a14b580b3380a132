"""One TOML document a file: its text, its tables, and the place of every key and value.

tomli parses, and a scanner of our own locates: only where somebody wants to know a place, and then in the text that was
parsed. Editing starts from the same places.
"""

from __future__ import annotations

from pipelex_core.toml.document import LARGEST, TomlDocument, TomlError, parse
from pipelex_core.toml.places import Places

__all__ = ["LARGEST", "Places", "TomlDocument", "TomlError", "parse"]
