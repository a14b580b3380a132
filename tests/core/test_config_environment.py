"""Variables and secrets in the values of a file."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from pipelex_core.config.environment import Environment, expand, has_variables, read_environment
from pipelex_core.config.problems import Faults
from tests.core.config_project import KEY, Project

if TYPE_CHECKING:
    from pathlib import Path

HERE = Environment({"A": "one", "EMPTY": "", "B": "two"}, {"A": "shadowed", "FILE": "three", "EMPTY": "full"})


@pytest.mark.parametrize(
    ("text", "value", "used"),
    [
        ("plain", "plain", []),
        ("$A and $$", "$A and $$", []),
        ("${A}", "one", ["A"]),
        ("https://${A}/${B}?x", "https://one/two?x", ["A", "B"]),
        ("${env:B}", "two", ["B"]),
        ("${FILE}", "three", ["FILE"]),
        ("${EMPTY}", "full", ["EMPTY"]),
        ("${NONE:-fallback}", "fallback", []),
        ("${NONE:-}", "", []),
        ("${NONE:-http://x:1/|y}", "http://x:1/|y", []),
        ("${A:-fallback}", "one", ["A"]),
        ("${env:NONE|env:B}", "two", ["B"]),
        ("${env:NONE|secret:none|B}", "two", ["B"]),
        ("${NONE|A}", "one", ["A"]),
        ("$${A}", "${A}", []),
        ("$${A} ${A}", "${A} one", ["A"]),
    ],
)
def test_what_a_placeholder_stands_for(text: str, value: str, used: list[str]) -> None:
    """Each documented form, alone and inside a longer string."""
    filled = expand(text, HERE)
    assert (filled.value, filled.used, filled.missing, filled.faults) == (value, used, [], [])


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("${NONE}", ["NONE"]),
        ("${env:NONE}", ["NONE"]),
        ("${secret:nobody}", ["secret:nobody"]),
        ("${env:NONE|secret:nobody}", ["NONE or secret:nobody"]),
        ("${N1} ${N2}", ["N1", "N2"]),
    ],
)
def test_a_variable_without_a_value_is_missing(text: str, missing: list[str]) -> None:
    """Missing variables are named as they were written, alternatives together."""
    assert expand(text, HERE).missing == missing


def test_an_empty_value_counts_as_missing() -> None:
    """A variable that is set to nothing is not set."""
    assert expand("${EMPTY}", Environment({"EMPTY": ""})).missing == ["EMPTY"]


@pytest.mark.parametrize(
    "text", ["${vault:A}", "${A", "${}", "${env:}", "${a b}", "${A|}", "${x:y:z}", "${A:-${B}}${", "${NONE:-${A}}"]
)
def test_a_malformed_placeholder_is_a_fault(text: str) -> None:
    """An unknown prefix, an empty name, an open brace: never taken for text."""
    assert expand(text, HERE).faults


def test_values_are_filled_at_any_depth() -> None:
    """Tables and lists are searched; other values stay as they are."""
    value = {"a": ["${A}", {"b": "${B}"}], "n": 3, "t": True, "k${A}": "x"}
    assert has_variables(value)
    assert not has_variables({"a": ["x", {"b": 3}], "$": "$"})
    assert expand(value, HERE).value == {"a": ["one", {"b": "two"}], "n": 3, "t": True, "k${A}": "x"}


def test_a_secret_comes_from_the_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    """`${secret:NAME}` asks the keyring library for user NAME of service `pipelex`."""
    keyring = ModuleType("keyring")
    requested = []

    def get_password(service: str, name: str) -> str | None:
        requested.append((service, name))
        if name == "locked":
            raise RuntimeError("the keyring is locked")
        return {"acme": "s3cret"}.get(name)

    keyring.get_password = get_password  # type: ignore[attr-defined]  # a module made by hand
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    here = Environment({"A": "one"})
    filled = expand("${secret:acme}", here)
    assert (filled.value, filled.used, filled.secrets) == ("s3cret", ["secret:acme"], ["s3cret"])
    assert expand("${secret:none|env:A}", here).value == "one"
    assert expand("${secret:locked}", here).missing == ["secret:locked"]
    assert requested == [("pipelex", "acme"), ("pipelex", "none"), ("pipelex", "locked")]


def test_without_the_keyring_library_a_secret_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library is optional: the next alternative is tried."""
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert expand("${secret:acme|env:A}", Environment({"A": "one"})).value == "one"


def test_a_dotenv_file_is_read_as_python_dotenv_reads_it(tmp_path: Path) -> None:
    """Quotes, comments, `export`, references to the environment and to earlier lines; a BOM and CRLF do no harm."""
    file = tmp_path / ".env"
    file.write_bytes(
        b"\xef\xbb\xbfexport PLAIN=one # a comment\r\nQUOTED='a b'\r\nBOTH=${PLAIN}/${HOST}\r\nNOTHING\r\n"
        b'MULTI="x\ny"\n'
    )
    faults = Faults()
    environment = read_environment({"HOST": "here"}, file, faults)
    assert [environment.variable(name) for name in ("PLAIN", "QUOTED", "BOTH", "NOTHING", "MULTI")] == [
        "one",
        "a b",
        "one/here",
        None,
        "x\ny",
    ]
    assert faults.problems() == ()


def test_a_bad_line_of_a_dotenv_file_is_a_warning_that_does_not_show_it(project: Project) -> None:
    """The line's number is told, its content is not: it may be a key."""
    (project.root / ".env").write_text("A=1\nsk secret-text here\n")
    problem = project.only()
    assert (problem.severity, problem.code, problem.line) == ("warning", "bad-env-line", 2)
    assert "secret" not in str(problem)


@pytest.mark.parametrize(("content", "code"), [(b"A=\xff\n", "bad-encoding"), (None, None)])
def test_an_unreadable_dotenv_file(project: Project, content: bytes | None, code: str | None) -> None:
    """Not UTF-8 is an error; a folder of that name, as containers make it, counts as absent."""
    if content is None:
        (project.root / ".env").mkdir()
        assert project.check() == ()
    else:
        (project.root / ".env").write_bytes(content)
        assert project.only().code == code


def test_all_missing_variables_of_all_enabled_backends_are_in_one_error(project: Project) -> None:
    """One problem a variable, each at its line; nothing of a disabled backend is evaluated."""
    project.replace("backends.toml", "[beta]", '[beta]\nendpoint = "${BETA_URL}"\nregion = "${ACME_KEY}"')
    problems = project.check(environ={"HOME": "/nowhere"})
    assert [(p.code, p.line) for p in problems] == [
        ("missing-variable", project.line_of("backends.toml", 'api_key = "${ACME')),
        ("missing-variable", project.line_of("backends.toml", "BETA_URL")),
    ]
    assert "'acme', 'beta'" in problems[0].message
    assert problems[0].suggestion == "set ACME_KEY, or set enabled = false for 'acme', 'beta'"


def test_without_strict_a_backend_that_lacks_a_variable_is_off(project: Project) -> None:
    """`strict=False` goes on: the backend's models are unavailable, with that reason, and it is a warning."""
    problems = project.check(environ={"HOME": "/nowhere"}, strict=False)
    assert {problem.severity for problem in problems} == {"warning"}
    loaded = project.load(environ={"HOME": "/nowhere"}, strict=False)
    assert list(loaded.deck.backends) == ["beta"]
    assert loaded.disabled["acme"].reason == "needs ACME_KEY, which is not set"
    entry = loaded.deck.models["m-one"]
    assert not entry.available
    assert "'acme', which needs ACME_KEY, which is not set" in (entry.reason or "")


def test_the_variable_that_held_the_key_is_known(project: Project) -> None:
    """`explain` can name it; a key that was written out has none."""
    project.replace("backends.toml", "${ACME_KEY}", "${env:NONE|env:ACME_KEY}")
    assert project.load().deck.backends["acme"].api_key_variable == "ACME_KEY"
    project.replace("backends.toml", "${env:NONE|env:ACME_KEY}", "written-out")
    assert project.load().deck.backends["acme"].api_key_variable is None


def test_variables_work_in_model_specs(project: Project) -> None:
    """Strings of a spec may hold them too; a missing one is an error, or withholds the model without `strict`."""
    project.replace("backends/acme.toml", 'model_id = "acme-one"', 'model_id = "${DEPLOYMENT}-one"')
    spec = project.load(environ={**project.environ, "DEPLOYMENT": "prod"}).deck.models["m-one"].spec
    assert spec is not None
    assert spec.model_id == "prod-one"
    assert project.check()[0].code == "missing-variable"
    entry = project.load(strict=False).deck.models["m-one"]
    assert "needs DEPLOYMENT" in (entry.reason or "")


def test_no_key_is_in_any_problem_or_repr(project: Project) -> None:
    """Whatever is wrong, a key's value stands nowhere: not in problems, the error, or what was loaded."""
    project.replace("backends.toml", 'region = "eu"', 'region = "${ACME_KEY}"')
    project.add("backends/acme.toml", '\n[secretive]\ninputs = ["${ACME_KEY}"]\nmodel_id = "${ACME_KEY}"\n')
    problems = project.check()
    assert {problem.code for problem in problems} == {"bad-value"}
    assert KEY not in "\n".join([*map(str, problems), *map(repr, problems)])
    project.replace("backends.toml", 'region = "${ACME_KEY}"', 'second_key = "${ACME_KEY}"')
    project.replace("backends/acme.toml", 'inputs = ["${ACME_KEY}"]', "")
    project.replace("backends/acme.toml", '[secretive]\n\nmodel_id = "${ACME_KEY}"\n', "")
    loaded = project.load()
    assert KEY not in repr(loaded)
    assert loaded.deck.backends["acme"].options["second_key"].reveal() == KEY


def test_variables_that_name_each_other_are_bounded(project: Project) -> None:
    """Forty lines of `.env`, each twice the one before it, are one fault with its line, and no memory is filled."""
    lines = ["A0=0123456789", *(f"A{n}=${{A{n - 1}}}${{A{n - 1}}}" for n in range(1, 40))]
    (project.root / ".env").write_text("\n".join(lines) + "\n")
    problems = [problem for problem in project.check() if problem.severity == "error"]
    assert problems
    assert (problems[0].code, problems[0].line) == ("bad-value", 18)
    assert "A17" in problems[0].message


def test_a_value_with_very_many_variables_is_a_fault(project: Project) -> None:
    """What a value becomes is bounded: a thousand variables in one are too many."""
    project.replace("backends.toml", 'region = "eu"', f'second_key = "{"${ACME_KEY}" * 1001}"')
    assert project.only().code == "bad-variable"
