"""Lines and columns of keys and values, in every form that TOML has."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from pipelex_cli.positions import position
from pipelex_core.specs import Source
from tests.core.config_project import Project

if TYPE_CHECKING:
    from pathlib import Path

TEXT = """# a comment
active = "x"
a.b."c.d" = 1
[profiles.x]
routes = { "gpt-*" = "openai", n.m = 2 }
[profiles."y z".routes]
"é-*" = "b"
'lit' = [1, { q = 3 },
  4]
['a"b']
x = {
  p = 1,
}
y = 2
[[many]]
k = 1
[[many]]
j = 2
"""


@pytest.mark.parametrize(
    ("key", "place"),
    [
        (("active",), (2, 1)),
        (("a",), (3, 1)),
        (("a", "b"), (3, 1)),
        (("a", "b", "c.d"), (3, 1)),
        (("profiles",), (4, 2)),
        (("profiles", "x"), (4, 2)),
        (("profiles", "x", "routes"), (5, 1)),
        (("profiles", "x", "routes", "gpt-*"), (5, 12)),
        (("profiles", "x", "routes", "n", "m"), (5, 32)),
        (("profiles", "y z", "routes", "é-*"), (7, 1)),
        (("profiles", "y z", "routes", "lit", "1", "q"), (8, 15)),
        (("profiles", "y z", "routes", "lit", "2"), (9, 3)),
        (('a"b', "x", "p"), (12, 3)),
        (('a"b', "y"), (14, 1)),
        (("many", "j"), (18, 1)),
        (('a"b', "nothing"), (10, 2)),
        (("profiles", "y z", "routes", "nothing"), (6, 2)),
        (("nothing",), (None, None)),
        ((), (None, None)),
    ],
)
def test_where_a_key_stands(tmp_path: Path, key: tuple[str, ...], place: tuple[int | None, int | None]) -> None:
    """A place is found in tables, dotted and quoted keys, inline tables and lists; else that of the table around it."""
    file = tmp_path / "x.toml"
    file.write_text(TEXT, encoding="utf-8")
    assert position(Source(file=str(file), key=key)) == (str(file), *place)


def test_columns_count_characters(tmp_path: Path) -> None:
    """Not bytes; a BOM and CRLF do not move anything."""
    file = tmp_path / "x.toml"
    file.write_bytes('\ufeff# 模型\r\nx = { é = 1, "模型" = 2, z = 3 }\r\n'.encode())
    assert position(Source(file=str(file), key=("x", "z"))) == (str(file), 2, 24)


def test_a_file_that_changes_is_parsed_again(tmp_path: Path) -> None:
    """What is remembered of a file ends with its next change."""
    file = tmp_path / "x.toml"
    source = Source(file=str(file), key=("x",))
    file.write_text("x = 1\n")
    assert position(source)[1] == 1
    file.write_text("# longer\nx = 1\n")
    assert position(source)[1] == 2
    file.unlink()
    assert position(source) == (str(file), None, None)


def test_a_plugins_data_has_a_name_and_no_line() -> None:
    """Its distribution and version stand in the file's place."""
    assert position(Source(plugin="acme", version="1.2", key=("m",))) == ("acme 1.2", None, None)


def test_what_a_load_imports(tmp_path: Path) -> None:
    """Importing imports no dotenv; a load imports what it needs only where it is needed."""
    project = Project(tmp_path)
    for name in ("acme", "beta"):
        project.replace(f"backends/{name}.toml", 'sdk = "acme"', 'sdk = "mistral"')
    code = f"""
import sys
from pathlib import Path
import pipelex_core.config
from pipelex_core.plugins import discover
late = ("dotenv", "difflib", "keyring")
found = lambda: [name for name in late if name in sys.modules]
assert found() == [], found()
plugins = discover(entry_points=())
loaded = pipelex_core.config.load({str(project.root)!r}, environ={{"ACME_KEY": "a-key-of-acme"}}, plugins=plugins)
assert found() == [], found()
assert loaded.warnings[0].code == "plugin-missing"
assert found() == [], found()
(Path({str(project.root)!r}) / ".env").write_text("A=1")
pipelex_core.config.load({str(project.root)!r}, environ={{"ACME_KEY": "a-key-of-acme"}}, plugins=plugins)
assert "dotenv" in found()
"""
    subprocess.run([sys.executable, "-c", code], check=True)
