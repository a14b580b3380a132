"""`pipelex show`: filters, tables that fit, and the picture."""

from __future__ import annotations

import fcntl
import io
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from pipelex_cli.report.filters import read_prices
from pipelex_cli.report.picture import Node, Picture, picture_of
from pipelex_cli.report.svg import MARK, draw_svg
from pipelex_cli.tables import Column, table_lines, wrapped_lines
from pipelex_core.config import load
from pipelex_core.errors import PipelexError
from pipelex_core.plugins import discover
from tests.core.config_project import KEY, Project
from tests.testing.test_kit import KIT

if TYPE_CHECKING:
    from pathlib import Path

PRICED = """
    [defaults]
    sdk = "openai"
    inputs = ["text"]

    [cheap]
    costs = { input = 0.5, output = 2 }
    as_of = "2026-08-01"

    [dear]
    inputs = ["text", "images"]
    costs = { input = 5, output = 25 }

    [half-known]
    costs = { input = 0.1 }

    [unknown]

    [painter]
    model_type = "img_gen"
    costs = { output = 0.04 }

    [reader]
    model_type = "text_extractor"
    inputs = ["pdf"]
    costs = { output = 0.001 }
"""


@pytest.fixture
def project(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project of the first-party plugins, as the working directory."""
    project.plugins = discover()
    project.write(
        "backends.toml", f'[gateway]\nendpoint = "https://g.test/v1"\napi_key = "{KEY}"\n[dark]\nenabled = false\n'
    )
    for name in ("acme", "beta", "off"):
        (project.folder / f"backends/{name}.toml").unlink()
    project.write("backends/gateway.toml", PRICED)
    project.write("backends/dark.toml", '[defaults]\nsdk = "openai"\n[cheap]\n[hidden]\n')
    project.write(
        "routing_profiles.toml",
        """
        active = "main"

        [profiles.main]
        default = "gateway"

        [profiles.main.routes]
        "half-*" = "dark"
        """,
    )
    project.write(
        "deck/base.toml",
        """
        [aliases]
        best = ["dear", "cheap"]
        lost = "half-known"

        [llm.presets]
        quick = { model = "cheap", temperature = 0.5 }
        seeing = { model = "best" }
        stuck = { model = "lost" }

        [img_gen.presets]
        paint = { model = "painter", quality = "low" }
        """,
    )
    monkeypatch.chdir(project.root)
    return project


def names(pipelex: Any, what: str, *options: str) -> list[str]:
    """The names of the rows of the first-party-free backend; tables and JSON have the same rows."""
    code, out, _ = pipelex("show", what, *options, "--json")
    assert code == 0
    rows = json.loads(out)
    code, out, _ = pipelex("show", what, *options)
    assert len(out.splitlines()) == (len(rows) + 1 if rows else 0)
    key = {"models": "model", "aliases": "alias", "presets": "preset"}[what]
    return [row[key] for row in rows if row.get("backend") in {"gateway", None}]


@pytest.mark.parametrize(
    "options,expected",
    [
        (["--available"], ["cheap", "dear", "unknown", "painter", "reader"]),
        (["--capability", "llm"], ["cheap", "dear", "unknown"]),
        (["--capability", "img_gen"], ["painter"]),
        (["--input", "images"], ["dear"]),
        (["--input", "pdf", "--capability", "extract"], ["reader"]),
        (["--input", "text", "--input", "images"], ["dear"]),
        (["--max-price", "input=1"], ["cheap"]),
        (["--max-price", "input=0.5", "--max-price", "output=2"], ["cheap"]),
        (["--max-price", "output=1.99"], []),
        (["--max-price", "output=25"], ["cheap", "dear"]),
        (["--max-price", "image=0.04"], ["painter"]),
        (["--max-price", "image=1", "--max-price", "page=1"], ["painter", "reader"]),
        (["--max-price", "page=0.0009"], []),
    ],
)
def test_models_are_filtered(project: Project, pipelex: Any, options: list[str], expected: list[str]) -> None:
    """By all that is asked; a price that is unknown is not at most anything."""
    assert names(pipelex, "models", "--backend", "gateway", *options) == expected


def test_handles_are_filtered_by_the_model_they_lead_to(project: Project, pipelex: Any) -> None:
    """Presets and aliases."""
    assert names(pipelex, "presets", "--capability", "llm") == ["quick", "seeing", "stuck"]
    assert names(pipelex, "presets", "--available", "--backend", "gateway") == ["quick", "seeing", "paint"]
    assert names(pipelex, "presets", "--max-price", "input=1") == ["quick"]
    assert names(pipelex, "aliases", "--input", "images") == ["best"]


@pytest.mark.parametrize(
    "tokens,message",
    [
        (["models", "--backend", "gatway"], "there is no backend 'gatway': did you mean 'gateway'?"),
        (["models", "--max-price", "3"], "a price is limited by input=NUMBER, output=NUMBER"),
        (["models", "--max-price", "input=-1"], "not by 'input=-1'"),
        (["models", "--max-price", "input=NaN"], "not by 'input=NaN'"),
        (["models", "--max-price", "inputs=3"], "not by 'inputs=3'"),
        (["models", "--input", "sound"], "sound"),
        (["backends", "--capability", "llm"], "are for models and handles, not backends"),
        (["routes", "--max-price", "input=1"], "are for models and handles, not routes"),
        (["models", "--graph", "x.svg"], "pipelex show routes --graph FILE.svg"),
        (["routes", "--handle", "best"], "pipelex show routes --graph FILE.svg"),
        (["routes", "--graph", "x.png"], "name the file 'x.svg', not 'x.png'"),
    ],
)
def test_a_filter_that_means_nothing_is_wrong_usage(
    project: Project, pipelex: Any, tokens: list[str], message: str
) -> None:
    """Exit 2, and what there is."""
    code, out, err = pipelex("show", *tokens)
    assert (code, out) == (2, "")
    assert message in " ".join(err.split())


def test_a_filter_that_nothing_fits_says_so(project: Project, pipelex: Any) -> None:
    """An empty document, or a line on stderr."""
    assert pipelex("show", "models", "--max-price", "input=0.0001", "--backend", "gateway") == (
        0,
        "",
        "no models that are so\n",
    )
    assert pipelex("show", "models", "--max-price", "input=0.0001", "--backend", "gateway", "--json")[1] == "[]\n"


def test_a_model_says_its_price_its_date_and_what_would_make_it_available(project: Project, pipelex: Any) -> None:
    """At the end of its row."""
    rows = {row["model"]: row for row in json.loads(pipelex("show", "models", "--json")[1])}
    assert (rows["cheap"]["costs"]["input"], rows["cheap"]["as_of"]) == ("0.5", "2026-08-01")
    assert rows["dear"]["inputs"] == ["images", "text"]
    enable, reroute = rows["half-known"]["remedies"]
    assert "set enabled = true for 'dark'" in enable
    assert reroute.startswith('route: write "half-known" = "gateway"')
    assert rows["cheap"]["remedies"] == []


@pytest.mark.parametrize("text,limit", [("input=3", Decimal(3)), ("page=0.001", Decimal("0.001"))])
def test_a_price_is_read_exactly(text: str, limit: Decimal) -> None:
    """As a decimal number."""
    assert list(read_prices([text]).values()) == [limit]


# ── Tables ────────────────────────────────────────────────────────────────────────────────────────────────────────

CELLS = st.text(max_size=60)
WIDTHS = st.integers(40, 130)


@given(width=WIDTHS, rows=st.lists(st.tuples(CELLS, CELLS, CELLS, CELLS), min_size=1, max_size=5))
@settings(max_examples=150, deadline=None, derandomize=True, database=None)
def test_no_line_is_wider_than_the_terminal(width: int, rows: list[tuple[str, ...]]) -> None:
    """Whatever the cells hold, wide characters and control characters included; one line a row, then the notes."""
    columns = [
        Column("name", 16),
        Column("place", 10, rank=2, from_end=True),
        Column("more", 9, rank=3),
        Column("reason"),
    ]
    lines, _ = table_lines(columns, rows, width=width, notes="reason")
    assert all(cell_len(line) <= width for line in lines)
    assert all(line.isprintable() for line in lines)
    assert len(lines) >= 1 + len(rows)


@given(width=WIDTHS, rows=st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=5))
@settings(max_examples=100, deadline=None, derandomize=True, database=None)
def test_no_line_that_is_broken_is_wider_than_the_terminal(width: int, rows: list[tuple[str, ...]]) -> None:
    """Whatever the cells hold; and nothing of them is lost but blanks."""
    lines = wrapped_lines(("one", "two", "three"), rows, width=width)
    assert all(cell_len(line) <= width for line in lines)
    assert all(line.isprintable() for line in lines)


def test_cells_are_broken_between_words() -> None:
    """Behind a hyphen where a name is wider than its column; a column without content is left out."""
    rows = [
        ("pipelex-backend-anthropic", "Claude of Anthropic, for everybody", ""),
        ("a", "short_names_of, several_kinds", ""),
    ]
    assert wrapped_lines(("distribution", "brings", "empty"), rows, width=42) == [
        "distribution               brings",
        "pipelex-backend-anthropic  Claude of",
        "                           Anthropic, for",
        "                           everybody",
        "a                          short_names_of,",
        "                           several_kinds",
    ]
    narrow = wrapped_lines(("distribution", "brings", "empty"), rows, width=24)
    assert "pipelex-" in narrow[1]
    assert all(cell_len(line) <= 24 for line in narrow)


def test_a_reason_that_several_backends_have_is_told_once(project: Project) -> None:
    """On a terminal, without their names; and where nothing is cut it is whole."""
    project.add("backends.toml", '[idle]\nsdk = "acme"\nenabled = false\n[resting]\nsdk = "acme"\nenabled = false\n')
    out = on_terminal(["show", "backends"], width=80, folder=project.root)
    assert out.count("is disabled in backends.toml") == 1
    assert "set enabled = true for it" in out
    assert out.count("[1]") >= 3


def test_columns_of_little_weight_go_before_a_name_is_cut() -> None:
    """And the heading says which; with room there is everything."""
    columns = [Column("name", 20), Column("price", 8), Column("source", 10, rank=1, from_end=True)]
    rows = [("a-name-of-22-characters", "1.5 / 10", "somewhere/in/a/folder/file.toml:12")]
    assert table_lines(columns, rows, width=34) == (
        ["name                     price", f"{rows[0][0]}  1.5 / 10"],
        ["source"],
    )
    lines, left_out = table_lines(columns, rows, width=50)
    assert left_out == []
    assert lines[1].endswith("file.toml:12")
    assert "…" in lines[1]


def test_reasons_are_told_once_below_the_table() -> None:
    """With the number that stands in the row; without a terminal they stand in the row."""
    columns = [Column("name"), Column("reason")]
    rows = [("a", "the same reason"), ("b", ""), ("c", "the same reason"), ("d", "another one, which is long enough")]
    assert table_lines(columns, rows, width=24, notes="reason")[0] == [
        "name",
        "a     [1]",
        "b",
        "c     [1]",
        "d     [2]",
        "",
        "[1] the same reason",
        "[2] another one, which",
        "    is long enough",
    ]
    assert table_lines(columns, rows, width=None, notes="reason")[0][1:3] == ["a     the same reason", "b"]


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize(
    "command", ["show models", "show presets", "show aliases", "show backends", "show routes", "explain seeing --all"]
)
def test_a_terminal_is_never_overrun(project: Project, width: int, command: str) -> None:
    """On a real terminal of that width, no line is longer than it, and names of usual length are whole."""
    out = on_terminal(command.split(), width=width, folder=project.root)
    lines = out.split("\r\n")
    assert max(map(len, lines)) <= width, max(lines, key=len)
    assert "�" not in out
    named = {"models": "half-known", "presets": "seeing", "aliases": "best"}.get(command.split()[1], "gateway")
    assert named in out


def on_terminal(tokens: list[str], *, width: int, folder: Path) -> str:
    """What a command writes to a terminal of a width."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    environ = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES"}}
    command = [sys.executable, "-m", "pipelex_core", *tokens]
    with subprocess.Popen(command, stdout=follower, stderr=subprocess.PIPE, cwd=folder, env=environ) as process:
        os.close(follower)
        out = b""
        while True:
            try:
                piece = os.read(leader, 65536)
            except OSError:  # the other end is closed
                break
            if not piece:
                break
            out += piece
        assert process.stderr is not None
        err = process.stderr.read().decode()
    os.close(leader)
    assert process.returncode == 0, err
    return out.decode()


# ── The picture ───────────────────────────────────────────────────────────────────────────────────────────────────

SVG = "{http://www.w3.org/2000/svg}"


def texts(data: bytes) -> list[str]:
    """The texts of an SVG, as they are shown."""
    return [element.text or "" for element in ET.fromstring(data).iter(f"{SVG}text")]


def test_the_picture_has_every_handle_model_route_and_backend(project: Project, pipelex: Any) -> None:
    """Those that lead nowhere too, and models that no handle leads to."""
    code, out, err = pipelex("show", "routes", "--graph", "deck.svg")
    assert (code, out, err) == (0, "deck.svg\n", "")
    reported = texts((project.root / "deck.svg").read_bytes())
    for text in (
        "best",
        "quick",
        "temperature = 0.5",
        "cheap",
        "dear",
        "half-*",
        "default",
        "gateway",
        "dark",
        "reader",
    ):
        assert text in reported, text
    assert "1" in reported  # the place in a chain
    assert json.loads(pipelex("show", "routes", "--graph", "deck.svg", "--json")[1])["path"] == "deck.svg"


def test_the_picture_of_a_handle_has_its_part_only(project: Project, pipelex: Any) -> None:
    """A preset, an alias or a model; one that does not exist is an error."""
    assert pipelex("show", "routes", "--graph", "quick.svg", "--handle", "quick")[0] == 0
    reported = texts((project.root / "quick.svg").read_bytes())
    assert {"quick", "cheap", "default", "gateway"} <= set(reported)
    assert not {"best", "dear", "paint", "half-*"} & set(reported)
    for handle in ("$seeing", "@best", "painter", "paint"):
        assert pipelex("show", "routes", "--graph", "quick.svg", "--handle", handle)[0] == 0
    code, _, err = pipelex("show", "routes", "--graph", "none.svg", "--handle", "quik")
    assert (code, (project.root / "none.svg").exists()) == (1, False)
    assert "quick" in err


def test_a_file_that_another_program_wrote_is_not_replaced(project: Project, pipelex: Any) -> None:
    """Unless it is forced; one of our own is."""
    file = project.root / "mine.svg"
    file.write_text("<svg>mine</svg>")
    code, _, err = pipelex("show", "routes", "--graph", "mine.svg")
    assert (code, file.read_text()) == (1, "<svg>mine</svg>")
    assert "--force" in err
    assert pipelex("show", "routes", "--graph", "mine.svg", "--force")[0] == 0
    assert MARK in file.read_text()
    assert pipelex("show", "routes", "--graph", "mine.svg")[0] == 0
    assert list(project.root.glob(".mine*")) == []


def test_without_the_library_the_error_says_what_to_install(
    project: Project, pipelex: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line, no traceback, no file."""
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    code, _, err = pipelex("show", "routes", "--graph", "deck.svg")
    assert (code, len(err.splitlines()), (project.root / "deck.svg").exists()) == (1, 1, False)
    assert "pip install 'pipelex-cli[graph]'" in err
    with pytest.raises(PipelexError):
        draw_svg(Picture(), title="x")


NAMES = st.one_of(
    st.text(min_size=1, max_size=30),
    st.sampled_from(
        ["<b>x</b>", "a\\nb\\l\\N\\G", "&lt;&amp;", "<<i>>", '"quoted"', "]]>", "</svg><script>alert(1)</script>"]
    ),
)


@given(names=st.lists(NAMES, min_size=1, max_size=4, unique=True))
@settings(max_examples=80, deadline=None, derandomize=True, database=None)
def test_a_name_is_drawn_letter_by_letter(names: list[str]) -> None:
    """No markup, escape or entity in it works; the SVG stays well-formed, without scripts."""
    picture = Picture()
    for name in names:
        node = Node(key=("model", name), kind="model", lines=(name,), hint=name, backend=name)
        picture.nodes[node.key] = node
    data = draw_svg(picture, title=names[0])
    reported = texts(data)
    tags = {element.tag.removeprefix(SVG) for element in ET.fromstring(data).iter()}
    assert tags <= {"svg", "title", "style", "g", "a", "polygon", "path", "text", "polyline", "ellipse"}
    assert b"href=" not in data
    for name in names:
        shown = re.sub(r"[\n\r\t]", " ", name)
        shown = re.sub("[^\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", shown)
        assert any(squeezed(shown) == squeezed(text) for text in reported) or not squeezed(shown), (name, reported)


def squeezed(text: str) -> str:
    return "".join(text.split())


@pytest.mark.skipif(not (KIT / "dummy.env").is_file(), reason=f"there is no kit in {KIT}")
def test_the_kit_of_a_hundred_models_is_drawn() -> None:
    """Every model's name is in the picture, in a box or its hint, and every backend has its box; no box is longer than a screen."""
    folder = KIT / "all_enabled" / "inference"
    loaded = load(config=folder, env_file=KIT / "dummy.env", environ={}, plugins=discover(), strict=False)
    picture = picture_of(loaded)
    drawn = draw_svg(picture, title="kit")
    reported = texts(drawn)
    hints = [
        value for element in ET.fromstring(drawn).iter() for name, value in element.items() if name.endswith("title")
    ]
    words = {word for text in (*reported, *hints) for word in text.rpartition(": ")[2].split(", ")}
    assert max(len(node.lines) for node in picture.nodes.values() if node.kind == "more") <= 10
    models = [name for name, entry in loaded.deck.models.items() if entry.offered_by]
    assert len(models) > 100
    assert set(models) <= words
    assert set(loaded.deck.backends) <= set(reported)


def test_an_alias_is_drawn_once_however_it_is_reached(project: Project) -> None:
    """With one edge for each of its targets, numbered in a chain."""
    project.replace(
        "deck/base.toml", 'lost = "half-known"', 'lost = "half-known"\nmore = ["best", "lost"]\nmost = "@more"'
    )
    picture = picture_of(project.load(strict=False))
    aliases = [node.lines[0] for node in picture.nodes.values() if node.kind == "alias"]
    assert sorted(aliases) == ["best", "lost", "more", "most"]
    assert picture.edges[("alias", "more"), ("alias", "lost")] == "2"
    assert picture.edges[("alias", "most"), ("alias", "more")] == ""
    assert picture.nodes["alias", "lost"].off


def test_explain_estimates_a_prompt(project: Project, pipelex: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An argument, or stdin; for people and for programs."""
    _, out, _ = pipelex("explain", "quick", "--prompt", "Name three rivers.")
    (line,) = (line for line in out.splitlines() if line.startswith("estimate"))
    assert re.fullmatch(r"estimate    cheap: \d+ to \d+ tokens in, 1 or more tokens out: 0\.0+\d\d or more US\$", line)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"word " * 100_000)))
    reported = json.loads(pipelex("explain", "quick", "--prompt", "-", "--json")[1])
    assert reported["estimate"]["members"][0]["input_tokens"]["low"] > 10_000
    _, out, _ = pipelex("explain", "stuck", "--prompt", "x")
    assert "no model of it can be called" in out
    assert "estimate    none: " in out
