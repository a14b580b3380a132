"""Whatever is written, `validate` ends with findings: it raises nothing, hangs nowhere, and takes bounded memory."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelex_cli.validation import formats
from tests.cli.valid_project import BUNDLE, ROUTES, ValidProject
from tests.core.config_project import KEY
from tests.core.test_config_fuzz import NAMES, PATHS, VALUES, as_toml

FILES = ["backends.toml", "backends/acme.toml", "routing_profiles.toml", "deck/base.toml", "letters.plx"]
SHORT = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], database=None
)
LONG = settings(max_examples=4000, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None)


def ends_well(project: ValidProject) -> None:
    """Findings, each whole, in every form; no key in any of them."""
    report = project.report()
    assert report.ok == (report.loaded is not None)
    shown = formats.as_text(report) + formats.as_github(report)
    shown += json.dumps([formats.as_json(report), formats.as_sarif(report, version="0")])
    assert KEY not in shown
    for problem in report.problems:
        assert problem.code
        assert problem.message


def with_line(name: str, path: list[str], value: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        project = ValidProject(Path(folder))
        file = project.path(name)
        line = ".".join(map(as_toml, path)) + f" = {as_toml(value)}\n"
        file.write_text(line + file.read_text())
        ends_well(project)


def damaged(name: str, start: float, length: int, new: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        project = ValidProject(Path(folder))
        file = project.path(name)
        content = file.read_bytes()
        at = int(start * len(content))
        file.write_bytes(content[:at] + new + content[at + length :])
        ends_well(project)


def pipes(tables: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        project = ValidProject(Path(folder))
        text = "".join(f"{as_toml(key)} = {as_toml(value)}\n" for key, value in tables.items())
        project.path("more.mthds").write_text(f'[pipe.p]\ntype = "PipeLLM"\n{text}')
        ends_well(project)


anywhere = given(name=st.sampled_from(FILES), path=PATHS, value=VALUES)
damage = given(
    name=st.sampled_from([*FILES, ".env"]), start=st.floats(0, 1), length=st.integers(0, 40), new=st.binary(max_size=8)
)
a_pipe = given(
    tables=st.dictionaries(NAMES | st.sampled_from(["model", "llm", "llm_to_structure"]), VALUES, max_size=4)
)


@SHORT
@anywhere
def test_a_value_anywhere(name: str, path: list[str], value: Any) -> None:
    """One more key, wherever and whatever it is."""
    with_line(name, path, value)


@SHORT
@damage
def test_a_damaged_file(name: str, start: float, length: int, new: bytes) -> None:
    """A piece cut out or overwritten."""
    damaged(name, start, length, new)


@SHORT
@a_pipe
def test_a_pipe_of_anything(tables: dict[str, Any]) -> None:
    """Whatever a pipe says of its model."""
    pipes(tables)


@pytest.mark.slow
@LONG
@anywhere
def test_a_value_anywhere_for_long(name: str, path: list[str], value: Any) -> None:
    """The same, many times over."""
    with_line(name, path, value)


@pytest.mark.slow
@LONG
@damage
def test_a_damaged_file_for_long(name: str, start: float, length: int, new: bytes) -> None:
    """The same, many times over."""
    damaged(name, start, length, new)


@pytest.mark.slow
@LONG
@a_pipe
def test_a_pipe_of_anything_for_long(tables: dict[str, Any]) -> None:
    """The same, many times over."""
    pipes(tables)


DEEP: dict[str, tuple[str, str]] = {
    "a hundred thousand models": (
        "backends/acme.toml",
        '[defaults]\nsdk = "acme"\n' + "".join(f"[m{n}]\ncosts = {{ input = 1 }}\n" for n in range(100_000)),
    ),
    "a hundred thousand aliases in a row": (
        "deck/base.toml",
        '[aliases]\na0 = "m-one"\n' + "".join(f'a{n} = ["a{n - 1}", "m-two"]\n' for n in range(1, 100_000)),
    ),
    "twenty thousand aliases to nothing": (
        "deck/base.toml",
        "[aliases]\n" + "".join(f'a{n} = "nothing-{n}"\n' for n in range(20_000)),
    ),
    "ten thousand patterns that fit nothing": (
        "routing_profiles.toml",
        'active = "p"\n[profiles.p]\ndefault = "acme"\n[profiles.p.routes]\n'
        + "".join(f'"zz{n}-*" = "acme"\n' for n in range(10_000)),
    ),
    "ten megabytes of a comment": ("deck/base.toml", "# " + "x" * 10_000_000 + "\n"),
    "ten megabytes in a line, then a fault": ("deck/base.toml", 'aliases = { a = "' + "x" * 10_000_000 + '" }\nb = \n'),
    "a fault in a line of ten megabytes": ("deck/base.toml", 'aliases = { a = "m-one", b = "' + "x" * 10_000_000),
    "ten megabytes of a bundle": ("letters.plx", BUNDLE + "# \u00e9 \n" * 2_000_000),
    "lists nested deeply": ("deck/base.toml", "a = " + "[" * 100_000 + "]" * 100_000),
    "tables nested deeply": ("letters.plx", "pipe.p = " + "{ a = " * 20_000 + "1" + " }" * 20_000),
    "keys nested deeply": ("letters.plx", ".".join(["pipe"] * 5_000) + " = 1\n"),
    "ten thousand pipes that lead nowhere": (
        "letters.plx",
        "".join(f'[pipe.p{n}]\ntype = "PipeLLM"\nmodel = "nothing-{n}"\n' for n in range(10_000)),
    ),
    "a very long profile": ("routing_profiles.toml", ROUTES + '"' + "*a" * 50_000 + '" = "acme"\n'),
}
SECONDS, MEGABYTES = 90.0, 1500
"""Most CPU time and memory of one validation, whatever it reads, on a slow machine; the most at present is a fifth."""


@pytest.mark.parametrize("which", [pytest.param(name, marks=pytest.mark.slow) for name in DEEP])
def test_a_large_or_deep_file_takes_bounded_time_and_memory(which: str, tmp_path: Path) -> None:
    """Measured in a process of its own."""
    name, text = DEEP[which]
    project = ValidProject(tmp_path)
    project.path(name).write_text(text)
    script = (
        "import sys, resource\n"
        "from pathlib import Path\n"
        "from pipelex_core.plugins import discover\n"
        "from pipelex_cli.validation import Validation, formats\n"
        "from tests.core.config_project import Acme\n"
        "v = Validation(sys.argv[1], environ={'HOME': sys.argv[1]}, plugins=discover(entry_points=(), extra=[Acme()]))\n"
        "v.check_bundles(Path(sys.argv[1]))\n"
        "r = v.report()\n"
        "formats.as_text(r); formats.as_sarif(r, version='0')\n"
        "print(len(r.problems), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)\n"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.monotonic()
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr[-2000:]
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    findings, megabytes = map(int, done.stdout.split())
    print(f"{which}: {findings} findings, {seconds:.1f} s CPU, {time.monotonic() - begun:.1f} s, {megabytes} MB")
    assert seconds < SECONDS
    assert megabytes < MEGABYTES


@pytest.mark.parametrize("which", ["lists nested deeply", "tables nested deeply", "a fault in a line of ten megabytes"])
def test_a_deep_or_long_file_is_one_finding(which: str, tmp_path: Path) -> None:
    """The quick ones, in every run."""
    name, text = DEEP[which]
    project = ValidProject(tmp_path)
    project.path(name).write_text(text)
    report = project.report()
    assert [problem.code for problem in report.problems] == ["bad-toml"]
    assert len(formats.as_text(report)) < 5000
