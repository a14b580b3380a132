"""What a scenario is about: marks that the kit's pytest plugin reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from pipelex_testing.calls import CALLS

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelex_testing.samples import Capability

Test = TypeVar("Test", bound="Callable[..., Any]")


def about(*capabilities: Capability) -> Callable[[Test], Test]:
    """A scenario that a backend goes through if it claims all of these capabilities, and that proves them."""

    def mark(test: Test) -> Test:
        test.capabilities = capabilities  # type: ignore[attr-defined]  # read by the plugin
        return test

    return mark


def each_call(test: Test) -> Test:
    """A scenario for every kind of call the backend claims; its argument is `call`."""
    parameters = [pytest.param(call, id=call.capability.replace(" ", "-")) for call in CALLS]
    marked: Test = pytest.mark.parametrize("call", parameters)(test)
    return marked
