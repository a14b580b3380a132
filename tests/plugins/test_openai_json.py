"""JSON is read as the SDK reads it, whatever it holds."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelex_backend_openai._json import loads

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(value=_VALUES, as_ascii=st.booleans())
def test_values_are_those_of_the_standard_library(value: object, as_ascii: bool) -> None:
    """Numbers of any size, NaN, infinity, and halves of surrogates too."""
    text = json.dumps(value, ensure_ascii=as_ascii)
    assert repr(loads(text)) == repr(json.loads(text))


@pytest.mark.parametrize("text", ["", "[1,]", "01", "nul", '"a', "\ufeff1", "[" * 100_000, b"\xff\xfe1\x00", b"\x80"])
def test_faults_are_those_of_the_standard_library(text: str | bytes) -> None:
    """Text that is not JSON, or is nested too deeply, is the same error, and bytes in another encoding are the same value."""

    def outcome(read: object) -> object:
        try:
            return read(text)  # type: ignore[operator]
        except (ValueError, RecursionError) as error:
            return type(error), str(error)

    assert outcome(loads) == outcome(json.loads)
