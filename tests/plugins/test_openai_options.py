"""The options of the OpenAI plugin: what is told of them is what they do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from attrs import fields_dict

from pipelex_backend_openai._options import TRAIT_OPTIONS
from pipelex_backend_openai._traits import Traits

if TYPE_CHECKING:
    from pipelex_core.backend import Option


@pytest.mark.parametrize("option", TRAIT_OPTIONS, ids=lambda option: option.name)
def test_the_default_that_is_told_is_the_one_that_counts(option: Option) -> None:
    """At an endpoint that is not known by name."""
    value = fields_dict(Traits)[option.name].default
    reported = ", ".join(value) if isinstance(value, tuple) else "" if value is None else str(value)
    assert option.default == (reported.lower() if isinstance(value, bool) else reported)
