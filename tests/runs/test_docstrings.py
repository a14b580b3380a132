"""What a docstring tells a model of a function's parameters."""

from __future__ import annotations

import pytest

from pipelex_runs.docstrings import read_docstring

GOOGLE = """The weather of a city.

    Today's, in Celsius.

    Args:
        city (str): Its name,
            in English.
        days: How many: 1 to 7.
        **others: More.

    Returns:
        city: not a parameter.
    """
NUMPY = """The weather of a city.

    Today's, in Celsius.

    Parameters
    ----------
    city : str
        Its name,
        in English.
    days : int, optional
        How many: 1 to 7.
    **others
        More.

    Returns
    -------
    city : str
        Not a parameter.
    """
REST = """The weather of a city.

    Today's, in Celsius.

    :param str city: Its name,
        in English.
    :param days: How many: 1 to 7.
    :param others: More.
    :returns: Not a parameter.
    """
EPYDOC = REST.replace(":param", "@param").replace(":returns", "@returns")


@pytest.mark.parametrize("docstring", [GOOGLE, NUMPY, REST, EPYDOC], ids=["google", "numpy", "rest", "epydoc"])
def test_every_form_says_the_same(docstring: str) -> None:
    """The text before the first section describes the function, and each parameter has its own words."""
    text, parameters = read_docstring(docstring)
    assert text == "The weather of a city.\n\nToday's, in Celsius."
    assert parameters == {"city": "Its name, in English.", "days": "How many: 1 to 7.", "others": "More."}


@pytest.mark.parametrize("docstring", [None, "", "   ", "One line.", "Note: this is prose, and so are Args.", "Args"])
def test_what_has_no_section_is_a_description(docstring: str | None) -> None:
    """A docstring without sections, or none at all, describes no parameter."""
    assert read_docstring(docstring) == ((docstring or "").strip(), {})


@pytest.mark.parametrize("docstring", ["Args:", "Args:\n\nReturns:", ":param: x", "Parameters\n----------"])
def test_an_empty_section_describes_nothing(docstring: str) -> None:
    """A heading without entries does no harm."""
    assert read_docstring(docstring)[1] == {}
