"""Whatever is written, `check` raises nothing, and `load` raises nothing but its own error."""

from __future__ import annotations

import json
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelex_core import config
from pipelex_core.errors import ConfigError
from tests.core.config_project import FILES, KEY, Project

bounded = settings(
    max_examples=120, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], database=None
)

WORDS = sorted(
    {word.strip("[]\"'{},=") for text in FILES.values() for word in text.split()}
    | {"models", "costs", "enabled", "${ACME_KEY}", "${", "${x:y}", "*", "m-*", "llm_presets", "disabled", "backend"}
)
HUGE = {"huge decimal": "9" * 5000, "huge hexadecimal": "0x" + "f" * 5000, "minus huge": "-" + "9" * 4000}
NAMES = st.sampled_from(WORDS) | st.text(max_size=6)
SCALARS = (
    st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats()
    | NAMES
    | st.sampled_from([*HUGE, "x" * 5000, 0, 1, "auto", "drop"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=8,
)
PATHS = st.lists(NAMES, min_size=1, max_size=4)


def as_toml(value: Any) -> str:
    """A value as TOML writes it; the names of huge numbers stand for them."""
    if isinstance(value, str) and value in HUGE:
        return HUGE[value]
    if isinstance(value, (bool, int, float)):
        return repr(value).lower()
    if isinstance(value, str):
        return json.dumps(value.encode("utf-8", "replace").decode(), ensure_ascii=True)
    if isinstance(value, list):
        return f"[{', '.join(map(as_toml, value))}]"
    return "{ " + ", ".join(f"{as_toml(str(key))} = {as_toml(item)}" for key, item in value.items()) + " }"


def must_end_well(project: Project) -> None:
    """Problems or a deck, in agreement, each problem whole, no key in any, and every handle resolves or is refused."""
    loaded, problems = config.check(project.root, environ=project.environ, plugins=project.plugins)
    assert (loaded is None) == any(problem.severity == "error" for problem in problems)
    for problem in problems:
        assert problem.code
        assert problem.message
        assert KEY not in f"{problem}{problem!r}"
    if loaded is None:
        return
    deck = loaded.deck
    for capability in ("llm", "extract", "img_gen"):
        for handle in [*deck.presets[capability], *deck.models, *deck.aliases]:
            with suppress(ConfigError):  # of another capability
                assert deck.resolve(handle, capability).chain


@bounded
@given(name=st.sampled_from(sorted(FILES)), path=PATHS, value=VALUES)
def test_a_value_anywhere(name: str, path: list[str], value: Any) -> None:
    """One more key, wherever and whatever it is."""
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder))
        text = (project.folder / name).read_text()
        line = ".".join(map(as_toml, path)) + f" = {as_toml(value)}\n"
        project.write(name, (line + text).encode())
        must_end_well(project)


@bounded
@given(name=st.sampled_from(sorted(FILES)), tables=st.dictionaries(NAMES, VALUES, max_size=5))
def test_a_whole_file_of_anything(name: str, tables: dict[str, Any]) -> None:
    """A file whose every table is made up."""
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder))
        project.write(name, "".join(f"{as_toml(key)} = {as_toml(value)}\n" for key, value in tables.items()).encode())
        must_end_well(project)


@bounded
@given(name=st.sampled_from(sorted(FILES)), start=st.floats(0, 1), length=st.integers(0, 30), new=st.binary(max_size=8))
def test_a_piece_cut_out_or_overwritten(name: str, start: float, length: int, new: bytes) -> None:
    """A file that was damaged anywhere."""
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder))
        content = (project.folder / name).read_bytes()
        at = int(start * len(content))
        project.write(name, content[:at] + new + content[at + length :])
        must_end_well(project)


@bounded
@given(content=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
def test_a_dotenv_file_of_anything(content: bytes) -> None:
    """`.env` is read without surprise too."""
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder))
        (project.root / ".env").write_bytes(content)
        must_end_well(project)


@bounded
@given(
    aliases=st.dictionaries(
        st.sampled_from("abcdef"), st.lists(st.sampled_from([*"abcdefg", "m-one", "m-two"]), max_size=4)
    )
)
def test_aliases_that_lead_anywhere(aliases: dict[str, list[str]]) -> None:
    """Cycles, dead ends and repetitions in any mixture: an alias that is not refused resolves to its models."""
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder))
        project.write("deck/more.toml", f"aliases = {as_toml(aliases)}\n".encode())
        must_end_well(project)
        loaded, problems = config.check(project.root, environ=project.environ, plugins=project.plugins)
        leads_nowhere = any(
            not targets or any(target not in {*aliases, "m-one", "m-two"} for target in targets)
            for targets in aliases.values()
        )
        circles = any(name in below(name, aliases) for name in aliases)
        assert (loaded is None) == (leads_nowhere or circles)
        assert circles == any(problem.code == "alias-cycle" for problem in problems)


def below(name: str, aliases: dict[str, list[str]]) -> set[str]:
    """Everything a name leads to, by plain search."""
    seen: set[str] = set()
    waiting = [*aliases.get(name, [])]
    while waiting:
        target = waiting.pop()
        if target not in seen:
            seen.add(target)
            waiting += aliases.get(target, [])
    return seen
