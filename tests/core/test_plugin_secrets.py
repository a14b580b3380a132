"""`${scheme:NAME}`: secrets that a plugin's reader has, never shown, and faults that say who failed."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_core.config import secrets as config_secrets
from pipelex_core.execution.redaction import redacted
from pipelex_core.plugins import discover
from tests.core.config_project import Acme, Project
from tests.support.scripted import plugin

if TYPE_CHECKING:
    from collections.abc import Callable

CANARY = "canary-from-the-vault"


def with_vault(project: Project, reader: Callable[[str], Any], written: str = "${vault:acme}") -> None:
    """The project with a reader of `vault:`, and a key that names it."""
    project.replace("backends.toml", "${ACME_KEY}", written)
    project.plugins = discover(entry_points=(), extra=[Acme(), plugin({}, pipelex_secrets=lambda: {"vault": reader})])


def test_a_plugin_reads_a_secret(project: Project) -> None:
    """Once a load, however often it is written; alternatives and the variable's name as with every other."""
    names: list[str] = []

    def read(name: str) -> str:
        names.append(name)
        return CANARY

    with_vault(project, read, "${env:NOWHERE|vault:acme}${vault:acme}")
    config = project.load().deck.backends["acme"]
    assert config.api_key is not None
    assert config.api_key.reveal() == CANARY * 2
    assert config.api_key_variable == "vault:acme"
    assert names == ["acme"]


def test_what_a_reader_gave_is_a_secret_everywhere(project: Project) -> None:
    """Also where no secret is expected: out of texts, and of what middlewares see."""
    project.replace("backends.toml", 'region = "eu"', 'region = "${vault:region}"')
    project.replace("backends.toml", 'endpoint = "https://acme.test/v1"', 'endpoint = "https://${vault:host}.test/v1"')
    values = {"region": "eu", "host": CANARY, "acme": "sk-0123456789"}
    with_vault(project, values.__getitem__)
    loaded = project.load()
    config = loaded.deck.backends["acme"]
    assert config.options["region"] == "eu"
    assert "region" not in config.open_options
    assert redacted(f"at {CANARY}", config) == "at ***"


def test_a_name_that_the_reader_does_not_have_is_missing(project: Project) -> None:
    """As a variable that is not set, with the scheme."""
    with_vault(project, lambda _: None)
    problem = project.only()
    assert problem.code == "missing-variable"
    assert problem.message.startswith("vault:acme is not set")


def _raises(_: str) -> str:
    raise ValueError(CANARY)


@pytest.mark.parametrize(
    ("reader", "why"),
    [
        (_raises, "raised ValueError"),
        (lambda _: 3, "returned a int, not a string or None"),
        (lambda _: time.sleep(30), "did not answer within 0.2 s"),
    ],
    ids=["raises", "wrong", "hangs"],
)
def test_a_reader_that_fails_is_a_fault(
    project: Project,
    reader: Callable[[str], Any],
    why: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It names the scheme, the plugin and the place, and no value; a reader that hangs holds a load up once."""
    monkeypatch.setattr(config_secrets, "PATIENCE", 0.2)
    with_vault(project, reader, "${vault:acme}${vault:other}")
    with caplog.at_level(logging.DEBUG):
        problems = project.check()
    messages = [problem.message for problem in problems if problem.code == "bad-variable"]
    assert messages == [
        f"'${{vault:{name}}}' cannot be read: the reader of 'vault:' (plugin scripted) {why}"
        for name in ("acme", "other")
    ]
    assert all(problem.line and problem.key == "acme.api_key" for problem in problems if problem.code == "bad-variable")
    assert CANARY not in str(problems) + caplog.text


@pytest.mark.parametrize(
    ("written", "hint"),
    [("${valt:acme}", "did you mean 'vault'?"), ("${nothing:acme}", "there are env:, secret:, vault:")],
)
def test_an_unknown_scheme_is_a_fault(project: Project, written: str, hint: str) -> None:
    """With its place, and the nearest name or all there are."""
    with_vault(project, lambda _: CANARY, written)
    problem = next(each for each in project.check() if each.code == "bad-variable")
    assert hint in problem.message
    assert problem.line is not None


def test_a_secret_of_a_backend_that_is_off_is_never_read(project: Project) -> None:
    """As its variables."""
    names: list[str] = []

    def read(name: str) -> str:
        names.append(name)
        return CANARY

    with_vault(project, read)
    project.replace("backends.toml", "[acme]", "[acme]\nenabled = false")
    project.check()
    assert names == []
