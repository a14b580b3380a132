"""Prompt templates: `[llm.prompts]`, and how they are filled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipelex_core import ConfigError, UnsupportedInputError
from pipelex_core.deck.templates import PromptTemplate
from tests.core.config_project import Project

if TYPE_CHECKING:
    from pathlib import Path


def test_a_template_is_filled() -> None:
    """Placeholders by name, defaults where the caller gives none, `{input}` for the rest, braces that are none as they are."""
    template = PromptTemplate(
        name="t", prompt='To {who}: {input} {"a": {{1}}}', system="In {language}.", defaults={"language": "French"}
    )
    assert template.placeholders == ("language", "who", "input")
    assert template.fill("Hi", {"who": "{input}"}) == ("In French.", 'To {input}: Hi {"a": {1}}')


def test_an_input_without_a_place_follows_the_text() -> None:
    """After an empty line; without an input, the text alone."""
    template = PromptTemplate(name="t", prompt="Summarize:")
    assert template.fill("A long story.") == (None, "Summarize:\n\nA long story.")
    assert template.fill() == (None, "Summarize:")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "the prompt 't' needs a value for 'who'"),
        ({"who": "a", "woh": "b"}, "has no placeholder 'woh'; did you mean 'who'"),
    ],
)
def test_what_is_missing_or_unknown_is_named(values: dict[str, str], message: str) -> None:
    """An error, before anything is sent."""
    with pytest.raises(UnsupportedInputError, match=message):
        PromptTemplate(name="t", prompt="{who}").fill(values=values)


def test_a_deck_has_its_templates(tmp_path: Path) -> None:
    """A text alone, a table, and a later file that replaces one."""
    project = Project(tmp_path)
    project.write("deck/a.toml", '[llm.prompts]\nshort = "Be {how}."\nlong = { prompt = "x", model = "m-one" }\n')
    project.write("deck/b.toml", '[llm.prompts.long]\nsystem = "y"\n')
    deck = project.load().deck
    assert deck.prompt("short").fill(values={"how": "brief"}) == (None, "Be brief.")
    assert (deck.prompt("long").prompt, deck.prompt("long").system) == ("", "y")
    with pytest.raises(ConfigError, match=r"there is no prompt 'shrot' in .llm\.prompts.(?s:.*)did you mean 'short'"):
        deck.prompt("shrot")


@pytest.mark.parametrize(
    ("table", "code"),
    [
        ('a = { prompt = "x", sytem = "y" }', "unknown-key"),
        ("a = { prompt = 1 }", "bad-value"),
        ("a = 1", "bad-value"),
        ("a = { }", "missing-key"),
        ('a = { prompt = "x", defaults = { b = 1 } }', "bad-value"),
        ('a = { prompt = "x", model = "nosuch" }', "unknown-handle"),
    ],
)
def test_a_faulty_template_is_a_fault_with_its_place(tmp_path: Path, table: str, code: str) -> None:
    """One fault, at its line."""
    project = Project(tmp_path)
    project.write("deck/z.toml", f"[llm.prompts]\n{table}\n")
    problem = project.only()
    assert (problem.code, problem.line) == (code, 2)
