"""A configuration of pipelex 0.92 comes over: a small one of our own, and the kit of its wheel, installed when the test runs."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import tomli

from pipelex_cli.edits.files import write_all
from pipelex_cli.edits.migration import migrate_newer
from pipelex_core import ConfigError, ModelsManagerError
from pipelex_core.config import check, load
from pipelex_core.plugins import discover
from tests.support.processes import run_pipelex

if TYPE_CHECKING:
    from pathlib import Path

    from pipelex_core.deck import ModelDeck

KEY = "k-0123456789"
SMALL = {
    "backends.toml": '[openai]\napi_key = "${OPENAI_API_KEY}"\n\n[finder]\nsdk = "finder"\n\n[internal]\n',
    "routing_profiles.toml": 'active = "all"\n\n[profiles.all]\nfallback_order = ["openai"] # in this order\n',
    "backends/openai.toml": """
        [defaults]
        sdk = "openai" # of all of them
        thinking_mode = "none"

        [fast-one]
        listed_constraints = ["temperature_unsupported", "thinking_cannot_be_disabled"]
        costs = { input = 1.0, output = 2.0 }

        [slow-one]
        valued_constraints = { fixed_temperature = 1, min_thinking_budget = 1024 }

        [painter]
        model_type = "img_gen"
        sdk = "openai_img_gen"

        [painter.rules]
        prompt = "positive_only"

        [judge]
        model_type = "judgment"
    """,
    "backends/finder.toml": '[find]\nmodel_type = "search"\nsdk = "finder"\n',
    "deck/1.toml": """
        [llm.aliases]
        best = "slow-one" # slow
        judged = "judge"

        [llm.waterfalls]
        any = ["judge", "@best", "fast-one"]

        [llm.presets]
        write = { model = "@best", temperature = 1 }
        try = { model = "~any" }
        judging = { model = "@judged" }

        [llm.choice_defaults]
        default_temperature = 1
        for_text = "~any"
    """,
    "deck/2.toml": """
        [img_gen]
        choice_default = "@best"

        [img_gen.aliases]
        best = "painter"

        [search]
        choice_default = "find"
    """,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The small configuration."""
    inference = tmp_path / ".pipelex" / "inference"
    for name, text in SMALL.items():
        (inference / name).parent.mkdir(parents=True, exist_ok=True)
        (inference / name).write_text(re.sub(r"^ {8}", "", text, flags=re.MULTILINE), encoding="utf-8")
    return inference


def moved(folder: Path) -> list[str]:
    """Migrate a configuration; what was left out."""
    changes, notes = migrate_newer(folder, discover())
    write_all(changes)
    return notes


def deck_of(folder: Path) -> ModelDeck:
    """Its deck."""
    return load(config=folder, environ={"OPENAI_API_KEY": KEY, "HOME": "/nowhere"}, plugins=discover()).deck


def test_a_small_one_means_what_it_meant(folder: Path) -> None:
    """Aliases by capability, waterfalls, constraints and defaults; a name that two capabilities have means both."""
    moved(folder)
    deck = deck_of(folder)

    def models(handle: Any, capability: str = "llm") -> list[str]:
        return [member.name for member in deck.resolve(handle, capability).chain]

    assert models("write") == models("best") == ["slow-one"]
    assert models("try") == models(deck.default("llm.for_text")) == ["slow-one", "fast-one"]
    assert models("best", "img_gen") == models(deck.default("img_gen"), "img_gen") == ["painter"]
    specs = {name: entry.spec for name, entry in deck.models.items() if entry.spec}
    assert "no_temperature" in specs["fast-one"].constraints
    assert "temperature_must_be_1" in specs["slow-one"].constraints
    assert deck.backends.keys() >= {"openai", "internal"}
    assert deck.models["pypdfium2-extract-text"].available
    assert "judge" not in deck.models


def test_what_has_no_counterpart_is_listed_once(folder: Path) -> None:
    """Each reason a line; what was left out because of something left out, too; comments stay."""
    notes = "\n".join(moved(folder))
    for text in (
        "models of the type 'judgment' (openai: judge)",
        "models of the type 'search' (finder: find)",
        "no plugin serves its models (backend finder)",
        "'thinking_cannot_be_disabled'",
        "'min_thinking_budget'",
        "'thinking_mode'",
        "'default_temperature'",
        "alias judged",
        "preset judging",
        "[search]",
        "best-img_gen",
    ):
        assert notes.count(text) == 1, text
    assert "# of all of them" in (folder / "backends" / "openai.toml").read_text()
    assert "# slow" in (folder / "deck" / "1.toml").read_text()


def test_a_second_time_changes_nothing(folder: Path) -> None:
    """And a configuration of today is not one of 0.92."""
    moved(folder)
    assert migrate_newer(folder, discover()) == ([], [])


def test_a_file_that_is_none_stops_it_whole(folder: Path) -> None:
    """With its place, and nothing is written."""
    (folder / "deck" / "2.toml").write_text("[img_gen\n")
    before = (folder / "deck" / "1.toml").read_text()
    with pytest.raises(ModelsManagerError, match="TOML"):
        migrate_newer(folder, discover())
    assert (folder / "deck" / "1.toml").read_text() == before


def test_the_command_shows_and_writes(folder: Path) -> None:
    """`--dry-run` and `--check` write nothing; the second run has nothing to do."""
    root = folder.parent.parent
    done = run_pipelex("migrate", "--check", cwd=root)
    assert done.returncode == 1
    assert "+no_temperature" in done.stdout or "no_temperature" in done.stdout
    assert "listed_constraints" in (folder / "backends" / "openai.toml").read_text()
    done = run_pipelex("migrate", "--yes", "--json", cwd=root)
    assert done.returncode == 0
    assert any("'thinking_mode'" in note for note in json.loads(done.stdout)["notes"])
    done = run_pipelex("migrate", "--check", cwd=root)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration that pipelex 0.92.0 ships; its licence lets it be read, not copied, so it is installed for the test."""
    target = tmp_path_factory.mktemp("pipelex")
    command = [
        sys.executable,
        "-m",
        "uv",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--target",
        str(target),
        "pipelex==0.92.0",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target / "pipelex" / "kit" / "configs" / "inference"


def test_the_kit_of_092_migrates_without_an_error(kit: Path, tmp_path: Path) -> None:
    """Every handle of its deck leads to models here, or is listed as left out."""
    folder = tmp_path / ".pipelex" / "inference"
    shutil.copytree(kit, folder)
    names = sorted(set(re.findall(r"\$\{(\w+)", (folder / "backends.toml").read_text())))
    environ = dict.fromkeys(names, "https://gateway.example/k-0123456789") | {"HOME": str(tmp_path)}
    old = [tomli.loads(path.read_text()) for path in sorted((folder / "deck").glob("*.toml"))]
    notes = "\n".join(moved(folder))
    plugins = discover()
    loaded, problems = check(config=folder, environ=environ, plugins=plugins)
    assert [problem for problem in problems if problem.severity == "error"] == []
    assert loaded is not None
    handles = [
        (capability, name)
        for deck in old
        for capability, section in deck.items()
        if capability in {"llm", "extract", "img_gen"}
        for part in ("aliases", "waterfalls", "presets")
        for name in section.get(part, {})
    ]
    assert len(handles) > 40
    for capability, name in handles:
        try:
            assert loaded.deck.resolve(name, capability).chain
        except ConfigError:
            assert re.search(rf"(alias|preset) {re.escape(name)}\b", notes), (capability, name)
