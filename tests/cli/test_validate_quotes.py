"""The line of a fault: caret, tabs, wide characters, long lines, and never a secret."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelex_cli.validation import Report
from pipelex_cli.validation.formats import as_json, as_sarif, as_text
from pipelex_cli.validation.masking import masked
from pipelex_cli.validation.quote import WIDEST, Quotes
from pipelex_core.capabilities import BUILT_IN
from pipelex_core.errors import Problem
from tests.cli.valid_project import ValidProject

if TYPE_CHECKING:
    from pathlib import Path

    from pipelex_cli.validation.quote import Quote

SECRET = "sk-proj-abcdefghijklmnop0123456789"


def quoted(tmp_path: Path, line: str, column: int, *, name: str = "f.toml") -> Quote:
    file = tmp_path / name
    file.write_bytes(f"first = 1\n{line}\r\nlast = 3\n".encode())
    quote = Quotes().of(Problem(code="x-y", message="", file=str(file), line=2, column=column))
    assert quote is not None
    return quote


def under(quote: Quote) -> str:
    """What the carets stand under, where every character is one column wide."""
    return quote.text[quote.indent : quote.indent + quote.width]


def test_the_caret_stands_under_the_whole_name(tmp_path: Path) -> None:
    """A bare key, a quoted one, a value; at the end of a line, one caret."""
    assert under(quoted(tmp_path, "temprature = 0.5", 1)) == "temprature"
    assert under(quoted(tmp_path, '"a.b c" = "x"', 1)) == '"a.b c"'
    assert under(quoted(tmp_path, 'x = ["one", "two"]', 13)) == '"two"'
    end = quoted(tmp_path, "x = ", 5)
    assert (end.indent, end.width) == (4, 1)


def test_tabs_and_wide_characters_move_the_caret_as_they_move_the_text(tmp_path: Path) -> None:
    """A tab leads to the next stop, a Chinese character takes two columns, an accent of its own none."""
    assert quoted(tmp_path, "\tkey = 1", 2).text == "    key = 1"
    assert quoted(tmp_path, "\tkey = 1", 2).indent == 4
    assert quoted(tmp_path, "ab\tkey = 1", 4).indent == 4
    assert quoted(tmp_path, 'a = { "名前" = 1, key = 2 }', 17).indent == 18
    assert quoted(tmp_path, "a = { e\u0301 = 1, key = 2 }", 15).indent == 13


def test_a_long_line_is_cut_around_the_fault(tmp_path: Path) -> None:
    """With dots where something is left out; the fault stays in sight."""
    line = "a = [" + "1, " * 2000 + 'wrong = "here", ' + "2, " * 2000 + "]"
    quote = quoted(tmp_path, line, line.index("wrong") + 1)
    assert len(quote.text) <= WIDEST + 2
    assert (quote.text[0], quote.text[-1]) == ("…", "…")
    assert under(quote) == "wrong"
    start = quoted(tmp_path, line, 1)
    assert start.text.startswith("a = [1, 1")
    assert len(start.caret) <= WIDEST + 2


def test_nothing_in_a_line_commands_the_terminal(tmp_path: Path) -> None:
    """Control characters are shown as pictures, and what turns text around is not shown."""
    quote = quoted(tmp_path, "a = \x1b[31m\u202e 1", 1)
    assert quote.text == "a = ␛[31m\ufffd 1"
    text = as_text(Report(problems=(Problem(code="bad-value", message="\x1b[2J", file="\x1b]0;x\x07.toml"),)))
    assert "\x1b" not in text


def test_a_line_that_is_not_there_is_not_quoted(tmp_path: Path) -> None:
    """No file, a file that is gone, a line beyond its end, a line of a megabyte."""
    (tmp_path / "f").write_text("x\n" + "y" * 10**6)
    for file, line in ((None, 1), (str(tmp_path / "gone"), 1), (str(tmp_path / "f"), 9), (str(tmp_path / "f"), 2)):
        assert Quotes().of(Problem(code="x-y", message="", file=file, line=line)) is None
    assert Quotes().of(Problem(code="x-y", message="", file="\0", line=1)) is None


@pytest.mark.parametrize(
    "line",
    [
        f'api_key = "{SECRET}"',
        f"api_key = '{SECRET}'",
        f'api_key = "{SECRET}',
        f"api_key = {SECRET}",
        f'api_key="""{SECRET}"""',
        f'acme = {{ enabled = true, api_key = "{SECRET}", region = "eu" }}',
        f'"api_key" = "{SECRET}"',
        f'acme.api_key = "{SECRET}"',
        f'aws_secret_access_key = "{SECRET}"',
        f'second-key = "x{SECRET}"',
        f'headers = {{ Authorization = "Bearer {SECRET}" }}',
        f'endpoint = "https://user:{SECRET}@host/v1"',
        f'api_key = "${{KEY:-{SECRET}}}"',
        f'note = "{SECRET}"',
        f'apiKey: "{SECRET}"',
        f'password = "{SECRET}" # {SECRET}',
    ],
)
def test_a_key_written_straight_into_a_file_is_never_shown(line: str) -> None:
    """Whatever the line is, TOML or not, and nobody told what is secret; what stands around it is shown."""
    shown = masked(line)
    assert len(shown) == len(line)
    assert SECRET not in shown
    assert "abcdefgh" not in shown
    assert "*" in shown


@pytest.mark.parametrize(
    "line",
    [
        'api_key = "${OPENAI_API_KEY}"',
        'api_key = "${env:A|secret:B}"',
        'api_key = "your-key-here"',
        "max_tokens = 4096",
        'max_tokens = "auto"',
        'prompting_target = "openai"',
        'model = "gpt-4o"',
        "requires_key = true",
        'endpoint = "https://host:8080/v1"',
    ],
)
def test_what_is_no_secret_is_shown(line: str) -> None:
    """Names of variables, placeholders, and keys that only sound like one."""
    assert masked(line) == line


def test_a_line_of_env_is_masked_whole_unless_it_is_a_placeholder() -> None:
    """The name stays."""
    assert masked(f"ACME_URL={SECRET}", is_env=True) == "ACME_URL=" + "*" * len(SECRET)
    assert masked("export A='short'", is_env=True) == "export A='*****'"
    assert masked("ACME_KEY=your-key-here", is_env=True) == "ACME_KEY=your-key-here"
    assert masked("# a comment", is_env=True) == "# a comment"
    assert masked("hunter2", is_env=True) == "*******"


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(
    st.text(max_size=80),
    st.text(alphabet="abcdefghijklmnopqrstuvwxyz0123456789/+=_-", min_size=8, max_size=40),
    st.text(max_size=80),
)
def test_a_known_secret_is_never_shown_wherever_it_stands(before: str, secret: str, after: str) -> None:
    """Length stays, so that the caret is right; one of under 8 characters is hidden as a whole word only."""
    line = f"{before}{secret}{after}"
    shown = masked(line, [secret])
    assert len(shown) == len(line)
    assert secret not in shown


@pytest.mark.parametrize(
    "text",
    [
        f'[acme]\napi_key = "{SECRET}"\nregion = "eu"\nregoin = "{SECRET}"\n',
        f'[acme]\napi_key = "{SECRET}\n',
        f"[acme]\napi_key = {SECRET}\n",
        f'[acme]\napi_key = "{SECRET}"\napi_key = "{SECRET}"\n',
        f'[acme]\napi_key = ["{SECRET}"]\n',
        f'acme = {{ api_key = "{SECRET}", api_kay = 1 }}\n',
        f'[acme]\nenabled = "{SECRET}"\napi_key = "{SECRET}"\n',
        f'[acme]\nsecond_key = "{SECRET}"\nregion = "{SECRET}"\n',
        f'[off]\nenabled = false\napi_key = "{SECRET}"\nenabld = 1\n',
        f'[acme]\napi_key = "${{ACME_KEY:-{SECRET}"\n',
    ],
)
def test_no_form_of_a_report_shows_a_configured_key(text: str, tmp_path: Path) -> None:
    """Not the paragraph, not JSON, not SARIF, not the load's own error."""
    project = ValidProject(tmp_path)
    project.path("backends.toml").write_text(text)
    report = project.report()
    assert report.problems
    everything = as_text(report) + json.dumps([as_json(report), as_sarif(report, version="0")])
    assert SECRET not in everything
    assert "abcdefghijklmnop" not in everything


def test_a_paragraph_reads_like_a_compilers(tmp_path: Path) -> None:
    """What and which code; where; the line; the caret; what was expected; the help; the page."""
    project = ValidProject(tmp_path)
    project.replace("deck/base.toml", "temperature = 0.5", "temprature = 0.5")
    file = project.path("deck/base.toml")
    assert as_text(project.report()).splitlines() == [
        "error[unknown-key]: 'temprature' is not a setting of llm",
        f" --> {file}:6:27",
        "  |",
        '6 | quick = { model = "best", temprature = 0.5 }',
        "  |                           ^^^^^^^^^^",
        "  = at: llm.presets.quick.temprature",
        f"  = expected: one of {', '.join(BUILT_IN['llm'].settings)}",
        "  = help: did you mean 'temperature'?",
        "  = see: pipelex explain unknown-key",
    ]
    coloured = as_text(project.report(), colours=True)
    assert "\x1b[31m" in coloured
    assert coloured.count("\x1b[0m") >= 5


@pytest.mark.parametrize(
    "piece", ["x", "key-", "key = ", "api_key='", '"', "${", "://a:b", "api_key=", "sk-", "Bearer "]
)
def test_masking_takes_time_that_grows_with_the_line_alone(piece: str) -> None:
    """A tenth of a second for the longest line that is quoted, not minutes; the bound is for a slow machine."""
    line = piece * (200_000 // len(piece))
    begun = time.process_time()
    masked(line, [SECRET])
    masked(line, is_env=True)
    assert time.process_time() - begun < 20
