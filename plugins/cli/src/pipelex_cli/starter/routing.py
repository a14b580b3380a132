"""The first routing profiles of a project."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelex_cli.starter.backend import ShippedBackend

_HEAD = """\
# Which backend serves which model. `active` names the profile in use; change it, and every handle follows.
#
# For a model's name: an exact route; else the first pattern that matches, in the order of this file; else `default`,
# or, where that backend lacks the model or is off, the first enabled backend that has it.

active = "{active}"

[profiles.{active}]
description = "Each model where the first enabled backend offers it"
default = "{first}"
"""

_ONE = """
[profiles.all_{name}]
description = "{display_name} wherever it has the model"
default = "{name}"
"""

_CUSTOM = """
# A profile of your own:
#
# [profiles.mine]
# default = "{first}"
# [profiles.mine.routes]
# "gpt-*" = "azure_openai"
# "claude-4.5-sonnet" = "bedrock"
"""


def starter_profiles(backends: tuple[ShippedBackend, ...]) -> str:
    """The text of routing_profiles.toml."""
    first = backends[0].name if backends else "openai"
    profiles = [_ONE.format(name=backend.name, display_name=backend.display_name) for backend in backends]
    return "".join([_HEAD.format(active="first_enabled", first=first), *profiles, _CUSTOM.format(first=first)])
