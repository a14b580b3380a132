"""New distributions: what `pipelex new-backend` writes, made of the templates beside this module.

A distribution is made in memory, checked for what is left open, and put into its place whole.
"""

from __future__ import annotations

from pipelex_testing.scaffold.files import KINDS, Kind, new_distribution
from pipelex_testing.scaffold.names import Names, names_for
from pipelex_testing.scaffold.writing import write_folder

__all__ = ["KINDS", "Kind", "Names", "names_for", "new_distribution", "write_folder"]
