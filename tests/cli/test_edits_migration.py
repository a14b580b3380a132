"""`pipelex migrate`: the older generation becomes the current one, and every handle means what it meant."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
import tomli
from attrs import asdict
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelex_cli.app import run
from pipelex_cli.edits.files import write_all
from pipelex_cli.edits.migration import migrate
from pipelex_cli.edits.older_models import times_thousand
from pipelex_core import ConfigError, config
from pipelex_core.plugins import discover
from tests.core.config_project import Acme, Project
from tests.support.properties import PROPERTY

if TYPE_CHECKING:
    from pipelex_core.config import LoadedConfig

KIT = Path(os.environ.get("PIPELEX_KIT") or Path(__file__).parents[2].parent / "shared" / "kit")

MODELS = """\
# Acme's models
default_sdk = "acme" # theirs

[models.m-one] # the first
costs = { input = 0.000_25, output = 0.01, input_cached = 1e-5 } # per thousand
  [models.m-one.extra]
  deep = 1

[models."m.two/v1"]
outputs = ["text"]

[models.'m.two/v1'.costs]
# of text
input = 2

[models.reader]
model_type = "text_extractor"
costs = { input = 0.002 }
"""
CURRENT_MODELS = """\
# Acme's models
default_sdk = "acme" # theirs

[m-one] # the first
costs = { input = 0.25, output = 10, input_cached = 0.01 } # per thousand
  [m-one.extra]
  deep = 1

["m.two/v1"]
outputs = ["text"]

['m.two/v1'.costs]
# of text
input = 2000

[reader]
model_type = "text_extractor"
costs = { input = 0.002 }
"""
DECK = """\
[aliases]
best = { llm_handle = "m-one", temperature = 0.5 }

# of text
[llm_presets]
"cheap.one" = { llm_handle = "best", temperature = 0.1 } # kept
[llm_presets.dear]
llm_handle = "m-one" # the model
[llm_choice_defaults]
for_text = "dear"
for_object = { llm_handle = "m-one", max_tokens = 5 }
[ llm_choice_overrides ]
for_text = "disabled"

[extract]
choice_default = { ocr_handle = "reader" }
[extract.presets.scan]
ocr_handle = "reader"
"""
CURRENT_DECK = """\
[aliases]
best = { model = "m-one", temperature = 0.5 }

# of text
[llm.presets]
"cheap.one" = { model = "best", temperature = 0.1 } # kept
[llm.presets.dear]
model = "m-one" # the model
[llm.choice_defaults]
for_text = "dear"
for_object = { model = "m-one", max_tokens = 5 }
[ llm.choice_overrides ]
for_text = "disabled"

[extract]
choice_default = { model = "reader" }
[extract.presets.scan]
model = "reader"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty `inference/` folder."""
    made = tmp_path / ".pipelex" / "inference"
    (made / "backends").mkdir(parents=True)
    (made / "deck").mkdir()
    (made / "backends.toml").write_text("[acme]\n")
    (made / "routing_profiles.toml").write_text('active = "a"\n[profiles.a]\ndefault = "acme"\n')
    return made


def migrated(folder: Path, name: str, text: str) -> str:
    """What becomes of one file's text; a second time, nothing more."""
    file, plugins = folder / name, discover(entry_points=(), extra=[Acme()])
    file.write_bytes(text.encode())
    write_all(migrate(folder, plugins))
    assert migrate(folder, plugins) == []
    return file.read_bytes().decode()


@pytest.mark.parametrize("form", ["\n", "\r\n", "\ufeff\n", "\ufeff\r\n"])
@pytest.mark.parametrize(
    "name,old,new", [("backends/acme.toml", MODELS, CURRENT_MODELS), ("deck/base.toml", DECK, CURRENT_DECK)]
)
def test_a_file_is_rewritten(folder: Path, name: str, old: str, new: str, form: str) -> None:
    """Headers, keys and prices change; comments, blanks, quotes, line ends and order stay; a second run does nothing."""
    mark, newline = form[: form.startswith("\ufeff")], form.removeprefix("\ufeff")
    old, new = (mark + text.replace("\n", newline) for text in (old, new))
    assert migrated(folder, name, old) == new
    assert migrated(folder, name, new) == new


@pytest.mark.parametrize(
    "old,new",
    [
        ("[models]\na = { sdk = 's' }\nb.sdk = 't'\n", "a = { sdk = 's' }\nb.sdk = 't'\n"),
        ("[models] # all\n[models.a]\nsdk = 's'", "# all\n[a]\nsdk = 's'"),
        (
            "[defaults]\nsdk = 's'\n# mine\n[models]\na.max_tokens = 3 # kept\n[models.b]\n",
            "a.max_tokens = 3 # kept\n[defaults]\nsdk = 's'\n# mine\n[b]\n",
        ),
        ("models = { a = { sdk = 's' }, b = { sdk = 't' } }\n", "a = { sdk = 's' }\nb = { sdk = 't' }\n"),
        ("models.a.sdk = 's'\nmodels.a.costs.input = 0.1\n", "a.sdk = 's'\na.costs.input = 100\n"),
        (
            "[defaults]\ncosts = { input = 0.1 }\n[models.a]\nsdk = 's'",
            "[defaults]\ncosts = { input = 100 }\n[a]\nsdk = 's'",
        ),
        ("[models.a]\noutputs = ['image']\ncosts.output = 0.1\n", "[a]\noutputs = ['image']\ncosts.output = 0.1\n"),
    ],
)
def test_every_way_to_write_models_is_rewritten(folder: Path, old: str, new: str) -> None:
    """Sections, inline tables and dotted keys; prices of images stay."""
    assert migrated(folder, "backends/acme.toml", old) == new


@pytest.mark.parametrize(
    "old,new",
    [
        ("llm_presets.a = { llm_handle = 'm' }\n", "llm.presets.a = { model = 'm' }\n"),
        ("llm_presets = { a.llm_handle = 'm' }\n[aliases]\n", "llm.presets = { a.model = 'm' }\n[aliases]\n"),
        ("[llm.presets.llm_handle]\nmodel = 'm'\n", "[llm.presets.llm_handle]\nmodel = 'm'\n"),
        ("[aliases]\nllm_handle = 'm'\nocr_handle = ['m']\n", "[aliases]\nllm_handle = 'm'\nocr_handle = ['m']\n"),
    ],
)
def test_every_way_to_write_a_deck_is_rewritten(folder: Path, old: str, new: str) -> None:
    """And a name that only looks like a key of the older generation stays."""
    assert migrated(folder, "deck/base.toml", old) == new


@pytest.mark.parametrize(
    "name,text,says",
    [
        ("backends/acme.toml", "[models.defaults]\nsdk = 's'\n", "a model is named 'defaults'"),
        ("backends/acme.toml", "[models.a]\n[b]\n", "mixes two generations"),
        ("backends/acme.toml", "models = { a = { sdk = 's' }, # mine\n}\n", "comments inside"),
        (
            "backends/acme.toml",
            "[defaults]\ncosts.input = 1\n[models.a]\n[models.b]\nmodel_type = 'img_gen'\n",
            "for LLMs and other models alike",
        ),
        ("backends/acme.toml", "[models.a\n", "is not TOML"),
        ("deck/base.toml", "[llm_presets]\na = { llm_handle = 'm', model = 'n' }\n", "both forms"),
        ("deck/base.toml", "llm_presets = {}\n[llm]\nchoice_defaults = {}\n", "a form that only you can rewrite"),
    ],
)
def test_what_only_its_author_can_rewrite_is_refused(folder: Path, name: str, text: str, says: str) -> None:
    """With the file's name and the reason; nothing is written, not even into the other files."""
    (folder / "deck" / "other.toml").write_text("[llm_presets]\n")
    (folder / name).write_text(text)
    with pytest.raises(ConfigError, match=says) as caught:
        migrate(folder, discover(entry_points=()))
    assert {problem.file for problem in caught.value.problems} == {str(folder / name)}


@settings(PROPERTY, max_examples=300)
@given(st.from_regex(r"[+-]?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?(e[+-]?[0-9]{1,3})?", fullmatch=True))
def test_a_price_is_multiplied_exactly(written: str) -> None:
    """What is written is what the loader would have made of it, and TOML."""
    new = tomli.loads(f"p = {times_thousand(written)}", parse_float=Decimal)["p"]
    assert Decimal(new) == Decimal(written) * 1000


def test_the_sdk_of_the_backends_table_says_what_a_price_is_for(folder: Path) -> None:
    """A price an image stays as it is, whoever says that the model makes images."""
    (folder / "backends.toml").write_text('[acme]\nsdk = "openai_img_gen"\n')
    (folder / "backends/acme.toml").write_text("[models.painter]\ncosts = { output = 0.04 }\n")
    write_all(migrate(folder, discover()))
    assert (folder / "backends/acme.toml").read_text() == "[painter]\ncosts = { output = 0.04 }\n"


NAMES = st.sampled_from(["m-one", "m.two", "acme/three", "four", "fünf"])
PRICES = st.decimals(0, 9, places=7).map(lambda price: f"{price:f}") | st.sampled_from(["1", "0.000_3", "2e-4", "0"])
KINDS = ["", 'model_type = "llm"', 'model_type = "img_gen"', 'outputs = ["pages"]', 'outputs = ["text"]']


def key(name: str) -> str:
    """A name in quotes."""
    return json.dumps(name, ensure_ascii=False)


@st.composite
def model_files(draw: st.DrawFn) -> str:
    """An older file of models, in one of the ways it can be written."""
    lines = ['default_sdk = "acme" # of all']
    for name in draw(st.lists(NAMES, min_size=1, max_size=4, unique=True)):
        kind = draw(st.sampled_from(KINDS))
        prices = draw(st.dictionaries(st.sampled_from(["input", "output", "input_cached"]), PRICES, max_size=3))
        table = f"models . {key(name)}"
        lines += ["", f"[{table}] # {name}", *([kind] if kind else [])]
        if draw(st.booleans()):
            inline = ", ".join(f"{price} = {value}" for price, value in prices.items())
            lines.append(f"costs = {{ {inline} }} # prices")
        else:
            lines += [f"[{table}.costs]", *(f"  {price}   = {value}" for price, value in prices.items())]
    return "\n".join(lines) + draw(st.sampled_from(["", "\n", "\n# end\n"]))


SETTINGS = st.sampled_from(["", ", temperature = 0.5", ", max_tokens = 7", ", seed = 3, top_p = 0.5"])


@st.composite
def deck_texts(draw: st.DrawFn) -> str:
    """An older deck file: presets as inline tables or as tables, defaults, aliases."""
    lines = ["# the deck", "[aliases]"]
    aliases = draw(st.lists(st.sampled_from(["best", "cheap"]), unique=True))
    lines += [
        f"{alias} = {draw(st.sampled_from(['{ llm_handle = %s }', '[%s]', '%s']))}" % key(draw(NAMES))
        for alias in aliases
    ]
    handles = NAMES | st.sampled_from(aliases or ["four"])
    model = st.sampled_from(["llm_handle", "model"])
    names = draw(st.lists(st.sampled_from(["p1", "p.2", "p 3"]), min_size=1, unique=True))
    if draw(st.booleans()):
        lines.append("[llm_presets] # of text")
        lines += [
            f"{key(name)} = {{ {draw(model)} = {key(draw(handles))}{draw(SETTINGS)} }} # {name}" for name in names
        ]
    else:
        for name in names:
            lines += [f"[llm_presets.{key(name)}]", f"{draw(model)} = {key(draw(handles))}"]
            lines += draw(SETTINGS).strip(", ").split(", ")
    for section in draw(st.lists(st.sampled_from(["llm_choice_defaults", "llm_choice_overrides"]), unique=True)):
        choice = draw(st.sampled_from([key(names[0]), '"disabled"', f"{{ llm_handle = {key(names[0])} }}"]))
        lines += [f"[{section}]", f"for_text = {choice}"]
    lines += ["[extract.presets]", f"scan = {{ ocr_handle = {key(draw(handles))} }}"]
    text = "\n".join(lines) + "\n"
    return text.replace("\n", "\r\n") if draw(st.booleans()) else text


def meaning(loaded: LoadedConfig) -> dict[str, Any]:
    """Everything a deck says, without the places where it was written."""
    deck = loaded.deck

    def plain(value: Any) -> Any:
        return asdict(value, filter=lambda attribute, _: attribute.name not in {"source", "sources", "origins"})

    resolved: dict[tuple[str, str], Any] = {}
    for capability in ("llm", "extract", "img_gen"):
        for name in [*deck.presets[capability], *deck.aliases, *deck.models]:
            try:
                found = deck.resolve(name, capability)
            except ConfigError as error:  # a model for something else
                resolved[capability, name] = type(error)
                continue
            chain = [(member.name, member.available, member.spec and member.spec.costs) for member in found.chain]
            resolved[capability, name] = (chain, dict(found.settings))
    return {
        "specs": {name: entry.spec and plain(entry.spec) for name, entry in deck.models.items()},
        "presets": {
            kind: {name: plain(each) for name, each in presets.items()} for kind, presets in deck.presets.items()
        },
        "aliases": {name: plain(alias) for name, alias in deck.aliases.items()},
        "choices": dict(deck.choices),
        "resolved": resolved,
    }


@settings(PROPERTY, max_examples=100)
@given(model_files(), deck_texts())
def test_every_handle_means_what_it_meant(models: str, deck: str) -> None:
    """Any older configuration, loaded before and after: models, prices to the last digit, aliases, presets, choices."""
    with TemporaryDirectory() as root:
        project = Project(Path(root))
        shutil.rmtree(project.folder)
        project.write("backends.toml", "[acme]\n")
        project.write("routing_profiles.toml", 'active = "a"\n[profiles.a]\ndefault = "acme"\n')
        # every name there may be, so that no handle leads nowhere; the older file wins
        project.ship("acme", '[defaults]\nsdk = "acme"\n[m-one]\n["m.two"]\n["acme/three"]\n[four]\n["fünf"]\n')
        project.write("backends/acme.toml", models.encode())
        project.write("deck/base.toml", deck.encode())
        before, found = config.check(root, environ=project.environ, plugins=project.plugins)
        changes = migrate(project.folder, project.plugins)
        assert {change.path.name for change in changes} == {"acme.toml", "base.toml"}
        write_all(changes)
        after, found_after = config.check(root, environ=project.environ, plugins=project.plugins)
        assert [problem.code for problem in found] == [problem.code for problem in found_after]
        assert (before is None) == (after is None)
        if before is not None and after is not None:
            assert meaning(before) == meaning(after)
        assert migrate(project.folder, project.plugins) == []
        for line in (models + "\n" + deck).splitlines():
            _, hash_, comment = line.partition("#")
            texts = "".join(change.new.decode() for change in changes)
            assert hash_ + comment.rstrip("\r") in texts


@pytest.mark.skipif(not KIT.is_dir(), reason=f"there is no kit in {KIT}")
@pytest.mark.parametrize("variant", ["as_shipped", "all_enabled"])
def test_the_kit_is_of_the_current_generation(variant: str) -> None:
    """Nothing of it is rewritten."""
    assert migrate(KIT / variant / "inference", discover()) == []


@pytest.mark.skipif(not KIT.is_dir(), reason=f"there is no kit in {KIT}")
def test_the_kit_in_its_older_form_comes_back(tmp_path: Path) -> None:
    """Made older by hand, and migrated, it means what it meant: every model, price, alias and preset."""
    shutil.copytree(KIT / "all_enabled", tmp_path / "kit")
    inference, plugins = tmp_path / "kit" / "inference", discover()
    environ = dict(line.split("=", 1) for line in (KIT / "dummy.env").read_text().splitlines() if line.strip())
    wanted = meaning(config.load(config=inference, environ=environ, plugins=plugins))
    changed = 0
    for file in [*(inference / "backends").glob("*.toml"), *(inference / "deck").glob("*.toml")]:
        text = older(file.read_text(), is_deck=file.parent.name == "deck", plugins=plugins, backend=file.stem)
        changed += text != file.read_text()
        file.write_text(text)
    assert meaning(config.load(config=inference, environ=environ, plugins=plugins)) == wanted
    changes = migrate(inference, plugins)
    assert len(changes) == changed > 10
    write_all(changes)
    assert meaning(config.load(config=inference, environ=environ, plugins=plugins)) == wanted
    assert migrate(inference, plugins) == []


def older(text: str, *, is_deck: bool, plugins: Any, backend: str) -> str:
    """A file of the current generation in the older form, line by line, and its prices by the thousand."""
    if is_deck:
        text = text.replace("[llm.presets]", "[llm_presets]").replace("[llm.choice_defaults]", "[llm_choice_defaults]")
        text = text.replace("[llm.choice_overrides]", "[llm_choice_overrides]")
        before, found, after = text.partition("[llm_presets]")
        if found:
            head, end, rest = after.partition("\n[extract")
            text = before + found + head.replace("{ model = ", "{ llm_handle = ") + end + rest
        return text
    tables = tomli.loads(text)
    loaded = []
    kind = ""
    for line in text.splitlines(keepends=True):
        if line.startswith("[") and not line.startswith("[defaults"):
            name = line[1:].split("]")[0].strip("\"'")
            whole = {**tables.get("defaults", {}), **tables[name]}
            kind = whole.get("model_type", "llm")
        is_header = line.startswith("[") and not line.startswith("[defaults")
        is_price = line.startswith("costs = {") and kind == "llm"
        loaded.append(f"[models.{line[1:]}" if is_header else thousandth(line) if is_price else line)
    return "".join(loaded)


def thousandth(line: str) -> str:
    """A line of prices, each a thousandth."""
    import re

    return re.sub(r"(?<== )[\d.]+(?=[ ,}])", lambda found: f"{Decimal(found[0]) / 1000:f}", line)


def test_the_command_shows_asks_and_writes(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """Without --yes, nobody is there to ask in a pipe, so nothing is written; --check fails until it is done."""
    (folder / "deck" / "base.toml").write_text(DECK)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("PIPELEX_CONFIG_DIR", raising=False)
    assert run(["migrate", "--check"]) == 1
    assert run(["migrate", "--dry-run"]) == 0
    monkeypatch.setattr(sys, "stdin", None)
    assert run(["migrate"]) == 1
    assert (folder / "deck" / "base.toml").read_text() == DECK
    out, err = capsys.readouterr()
    assert out.count("\n-[llm_presets]\n") == out.count("\n+[llm.presets]\n") == 3
    assert "--yes writes it" in err
    assert run(["migrate", "--yes", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["files"][0]["changes"] is True
    assert (folder / "deck" / "base.toml").read_text() == CURRENT_DECK
    assert run(["migrate", "--check"]) == 0
    assert "is in the current form" in capsys.readouterr().err


@pytest.mark.parametrize("delay", [0.0, 0.02, 0.06])
def test_ctrl_c_leaves_each_file_whole(folder: Path, delay: float) -> None:
    """Whenever it comes, a file is the old one or the new one, no other file is there, and a second run ends it."""
    for number in range(60):
        (folder / "deck" / f"{number:03}.toml").write_text(DECK)
    process = subprocess.Popen(
        [sys.executable, "-m", "pipelex_core", "--config", str(folder), "migrate", "--yes"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    first, until = folder / "deck" / "000.toml", time.monotonic() + 60
    while first.read_text() == DECK and time.monotonic() < until and process.poll() is None:
        time.sleep(0.001)
    time.sleep(delay)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    texts = [file.read_text() for file in sorted((folder / "deck").iterdir())]
    assert len(texts) == 60
    assert set(texts) <= {DECK, CURRENT_DECK}
    assert run(["--config", str(folder), "migrate", "--yes"]) == 0
    assert {file.read_text() for file in (folder / "deck").iterdir()} == {CURRENT_DECK}
