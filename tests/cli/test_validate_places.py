"""Where the caret is: under the wrong value, in a list or inline table under the element; under a key that is wrong."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from pipelex_cli.validation.formats import as_json, as_sarif, as_text
from pipelex_core import config
from tests.cli.valid_project import Change, ValidProject

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BACKENDS, ACME, ROUTES, DECK = "backends.toml", "backends/acme.toml", "routing_profiles.toml", "deck/base.toml"

UNDER = [
    (DECK, 'best = "m-one"', 'best = "shout-2"', "unknown-handle", '"shout-2"'),
    (DECK, '["m-two", "m-one"]', '["m-two", "shout-2"]', "unknown-handle", '"shout-2"'),
    (DECK, '["m-two", "m-one"]', '["m-two", 3]', "bad-value", "3"),
    (DECK, '["m-two", "m-one"]', "[]", "empty-chain", "[]"),
    (DECK, '["m-two", "m-one"]', '{ model = "shout-2" }', "unknown-handle", '"shout-2"'),
    (DECK, 'model = "best", temperature = 0.5', 'model = "bets", temperature = 0.5', "unknown-handle", '"bets"'),
    (DECK, "temperature = 0.5", "temperature = 5", "bad-value", "5"),
    (DECK, "temperature = 0.5", "temprature = 0.5", "unknown-key", "temprature"),
    (DECK, 'for_text = "quick"', 'for_text = "quik"', "unknown-handle", '"quik"'),
    (DECK, 'for_text = "quick"', "for_text = 3", "bad-value", "3"),
    (DECK, 'choice_default = "scan"', 'choice_default = "$scam"', "unknown-handle", '"$scam"'),
    (DECK, "max_nb_images = 10", "max_nb_images = -1", "bad-value", "-1"),
    (DECK, 'quality = "low"', 'quality = "lo"', "bad-value", '"lo"'),
    (ROUTES, 'default = "acme"', 'default = "acne"', "unknown-backend", '"acne"'),
    (ROUTES, '["beta"]', '["beta", "gamma"]', "unknown-backend", '"gamma"'),
    (ROUTES, '"b-*" = "beta"', '"b-*" = "betta"', "unknown-backend", '"betta"'),
    (ROUTES, 'strict = "acme"', 'strikt = "acme"', "model-not-offered", "strikt"),
    (ROUTES, 'strict = "acme"', 'strict = "beta"', "model-not-offered", '"beta"'),
    (ROUTES, 'active = "main"', 'active = "mian"', "unknown-profile", '"mian"'),
    (ACME, "output = 10 }", "output = -10 }", "bad-value", "-10"),
    (ACME, "output = 10 }", "ouput = 10 }", "unknown-key", "ouput"),
    (ACME, '["text", "images"]', '["text",\n  "imgs"]', "bad-value", '"imgs"'),
    (ACME, '["text", "images"]', '"text"', "bad-value", '"text"'),
    (ACME, "max_tokens = 4096", "max_tokens = { a = 1 }", "bad-value", "{ a = 1 }"),
    (ACME, 'sdk = "acme"', 'sdk = "acmee"', "unknown-sdk", '"acmee"'),
    (BACKENDS, '"${ACME_KEY}"', '"${NO_KEY}"', "missing-variable", '"${NO_KEY}"'),
    (BACKENDS, 'region = "eu"', 'region = "ue"', "bad-value", '"ue"'),
    (BACKENDS, "enabled = false", 'enabled = "no"', "bad-value", '"no"'),
]


@pytest.mark.parametrize("row", UNDER, ids=str)
def test_the_caret_is_under_what_is_wrong(tmp_path: Path, row: tuple[str, str, str, str, str]) -> None:
    """The quote, the column of JSON and that of SARIF agree; a line of CRLF and a byte-order mark change nothing."""
    file, old, new, code, under = row
    project = ValidProject(tmp_path)
    Change(file, old, new).apply(project)
    path = project.path(file)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    report = project.report()
    (problem,) = [each for each in as_json(report)["problems"] if each["code"] == code]
    indent = len(problem["caret"]) - len(problem["caret"].lstrip())
    assert problem["text"][indent : len(problem["caret"])] == under
    line = path.read_text(encoding="utf-8-sig").split("\n")[problem["line"] - 1]
    assert line[problem["column"] - 1 :].startswith(under)
    regions = [
        result["locations"][0]["physicalLocation"]["region"]
        for result in as_sarif(report, version="0")["runs"][0]["results"]
        if result["ruleId"] == code
    ]
    assert [(region["startLine"], region["startColumn"]) for region in regions] == [
        (problem["line"], problem["column"])
    ]


def test_each_file_is_read_once(tmp_path: Path) -> None:
    """By a load with faults, whose places are found in what was read; and by `validate`, which quotes it in every format."""
    project = ValidProject(tmp_path)
    for change in (
        Change(BACKENDS, 'region = "eu"', 'region = "ue"'),
        Change(ACME, "max_tokens = 4096", "max_tokens = -1"),
        Change(ROUTES, 'default = "acme"', 'default = "acne"'),
        Change(DECK, "temperature = 0.5", "temperature = 5"),
    ):
        change.apply(project)
    files = sorted(str(file) for file in project.folder.rglob("*.toml"))
    with opened_below(project.folder) as by_load:
        _, problems = config.check(project.root, environ=project.environ, plugins=project.plugins)
    assert len([problem for problem in problems if problem.line and problem.column]) == 4
    assert sorted(by_load) == files
    with opened_below(project.folder) as by_validate:
        report = project.report()
        assert all(each["text"] for each in as_json(report)["problems"])
        assert as_text(report).count(" | ") >= 4
        as_sarif(report, version="1")
    assert sorted(by_validate) == files


@contextmanager
def opened_below(folder: Path) -> Iterator[list[str]]:
    """The files of a folder that are opened in the block, each as often as it is; Python's audit hooks stay for ever."""
    opened: list[str] = []
    watching = True

    def hear(event: str, arguments: tuple[object, ...]) -> None:
        if watching and event == "open" and str(arguments[0]).startswith(str(folder)):
            opened.append(str(arguments[0]))

    sys.addaudithook(hear)
    yield opened
    watching = False
