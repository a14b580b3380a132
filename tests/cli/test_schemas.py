"""The JSON schemas: they take what the loader takes, refuse what it refuses, and editors find them."""

from __future__ import annotations

import copy
import json
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import tomli
from jsonschema import Draft7Validator

from pipelex_cli.app import run
from pipelex_cli.schemas import SCHEMAS, schema, schema_line, schema_of
from pipelex_cli.schemas.types import of_type
from pipelex_cli.starter import starter_files
from pipelex_core.plugins import discover

if TYPE_CHECKING:
    from collections.abc import Iterator

KIT = Path(os.environ.get("PIPELEX_KIT") or Path(__file__).parents[2].parent / "shared" / "kit")


@cache
def validator(name: str) -> Draft7Validator:
    """What checks a file against one of the schemas, made from every installed plugin."""
    made = schema(name, discover())
    Draft7Validator.check_schema(made)
    return Draft7Validator(made)


def faults(name: str, tables: Any) -> list[str]:
    """What a schema says against a file; TOML's dates are strings to a schema."""
    as_json = json.loads(json.dumps(tables, default=str))
    return [error.message for error in validator(name).iter_errors(as_json)]


def kit_files() -> list[Path]:
    """Every TOML file of the kit."""
    return sorted(KIT.glob("*/inference/**/*.toml"))


def name_of(file: Path) -> str:
    """The schema for a file of the kit."""
    parts = file.parts
    return schema_of("/".join(parts[parts.index("inference") + 1 :]))


@pytest.mark.skipif(not kit_files(), reason=f"there is no kit in {KIT}")
def test_every_file_of_the_kit_is_right() -> None:
    """A real project's configuration gets no complaint in an editor."""
    for file in kit_files():
        assert faults(name_of(file), tomli.loads(file.read_text())) == [], file
    assert {name_of(file) for file in kit_files()} == set(SCHEMAS)


def test_everything_that_plugins_ship_is_right() -> None:
    """Their models, and the defaults of their tables in backends.toml."""
    for shipped in discover().shipped_specs:
        tables = tomli.loads(shipped.file.read_text(encoding="utf-8"))
        assert faults("backends", {shipped.backend: tables.pop("backend", {})}) == []
        assert faults("models", tables) == [], shipped.backend


def test_what_init_writes_is_right_and_names_its_schema() -> None:
    """Each file's first line leads to the schema that `init` writes beside it."""
    files = starter_files(discover(), {})
    for name, text in files.items():
        if not name.endswith(".toml"):
            continue
        directive = text.splitlines()[0].removeprefix("#:schema ")
        target = os.path.normpath(Path(name).parent / directive)
        assert files[target], name
        assert faults(Path(target).stem, tomli.loads(text)) == []
    assert schema_line("deck/mine/a.toml") == "#:schema ../../../schemas/deck.json\n\n"


FREE = {  # tables whose keys are names: (schema, path to the table)
    ("backends", ()),
    ("models", ()),
    ("routing_profiles", ("profiles",)),
    ("routing_profiles", ("profiles", "*", "routes")),
    ("routing_profiles", ("profiles", "*", "optional_routes")),
    ("deck", ("aliases",)),
    ("deck", ("llm", "presets")),
    ("deck", ("extract", "presets")),
    ("deck", ("img_gen", "presets")),
}


def misspelt(name: str, tables: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The tables once for each of their known keys, with an x behind that key."""
    general = tuple("*" if ("routing_profiles", path[:1]) in FREE and at == 1 else part for at, part in enumerate(path))
    for key, value in tables.items():
        if (name, general) not in FREE:
            changed = {f"{each}x" if each == key else each: copy.copy(item) for each, item in tables.items()}
            yield (*path, key), changed
        if isinstance(value, dict):
            for where, inner in misspelt(name, value, (*path, key)):
                yield where, {**tables, key: inner}


@pytest.mark.skipif(not kit_files(), reason=f"there is no kit in {KIT}")
@pytest.mark.parametrize("name", SCHEMAS)
def test_every_misspelt_key_of_the_kit_is_refused(name: str) -> None:
    """One letter more in any key that means something: of a backend, a model, a price, a profile, a preset."""
    tried = 0
    for file in kit_files():
        if "all_enabled" in file.parts and name_of(file) == name:
            for where, tables in misspelt(name, tomli.loads(file.read_text())):
                assert faults(name, tables), (file, where)
                tried += 1
    assert tried > (10 if name == "routing_profiles" else 40)


@pytest.mark.parametrize(
    "name,text",
    [
        ("backends", "[openai]\nenabled = 'true'"),
        ("backends", "[openai]\nendpoint = 3"),
        ("backends", "[bedrock]\nmax_concurrency = 0"),
        ("backends", "[gateway]\nfallback_on = 'sometimes'"),
        ("backends", "openai = 'on'"),
        ("backends", "limits_url = 3"),
        ("models", "[m]\nmax_tokens = '3'"),
        ("models", "[m]\nmax_tokens = 0"),
        ("models", "[m]\ninputs = ['txt']"),
        ("models", "[m]\ninputs = 'text'"),
        ("models", "[m]\nmodel_type = 'LLM'"),
        ("models", "[m]\nconstraints = ['no_temprature']"),
        ("models", "[m]\ncosts = { input = -1 }"),
        ("models", "[m]\ncosts = { inputs = 1 }"),
        ("models", "[m]\ncosts = 3"),
        ("models", "[models.m]\nmax_token = 3"),
        ("models", "[defaults]\nsdks = 'openai'"),
        ("models", "default_sdk = 3"),
        ("models", "m = 3"),
        ("routing_profiles", "[profiles.a]"),
        ("routing_profiles", "active = 'a'\n[profiles.a.routes]\nx = 3"),
        ("routing_profiles", "active = 'a'\n[profiles.a]\nfallback_order = 'openai'"),
        ("deck", "[aliases]\na = []"),
        ("deck", "[aliases]\na = [3]"),
        ("deck", "[aliases]\na = { model = 'm', temprature = 1 }"),
        ("deck", "[llm.presets]\na = 'm'"),
        ("deck", "[llm.presets]\na = { model = 'm', temperature = 3 }"),
        ("deck", "[llm.presets]\na = { model = 'm', max_tokens = 'all' }"),
        ("deck", "[llm.presets]\na = { model = 'm', reasoning_effort = 'hgih' }"),
        ("deck", "[llm.presets]\na = { model = 'm', max_nb_images = 3 }"),
        ("deck", "[llm.choice_defaults]\nfor_texts = 'm'"),
        ("deck", "[extract]\nchoice_default = 3"),
        ("deck", "[img_gen.presets]\na = { model = 'm', guidance_scale = 0 }"),
        ("deck", "on_unsupported_setting = 'ignore'"),
        ("deck", "[llm_presets]\na = { llm_handle = 'm', temprature = 1 }"),
        ("deck", "[alias]\na = 'm'"),
    ],
)
def test_a_wrong_value_is_refused(name: str, text: str) -> None:
    """Types, ranges and words are those of the loader."""
    assert faults(name, tomli.loads(text))


@pytest.mark.parametrize(
    "name,text",
    [
        ("backends", "limits_url = '${REDIS}'\n[acme]\nheaders = { a = 'b' }\nretry_wait = 0\n"),
        ("models", "[models.m]\ncosts.input = 0.001\n['a/b.c']\nsdk = 'acme'"),
        (
            "deck",
            "[aliases]\na = { llm_handle = ['m', 'n'], max_tokens = 'auto' }\n[llm_choice_overrides]\nfor_text='disabled'",
        ),
        ("deck", "[llm]\ndefault_temperature = 1\n[extract.choice_default]\nocr_handle = 'm'\nmax_nb_images = 0"),
    ],
)
def test_every_generation_is_taken(name: str, text: str) -> None:
    """Both that are read, and the keys of newer releases that are left out."""
    assert faults(name, tomli.loads(text)) == []


def test_every_key_is_explained() -> None:
    """Whoever hovers over one is told what it does."""
    for name in SCHEMAS:
        for table in schema(name, discover())["definitions"].values():
            for key, made in table.get("properties", {}).items():
                assert made.get("description") or all(each["description"] for each in made["anyOf"]), (name, key)


def test_a_type_without_a_schema_is_noticed() -> None:
    """A new kind of key in `tables.py` is none without one."""
    with pytest.raises(TypeError, match="no schema for"):
        of_type(complex)


def test_the_command_prints_and_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One schema, all of them, or files; a file that names no schema yet gets its line, above everything else."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PIPELEX_CONFIG_DIR", raising=False)
    inference = tmp_path / ".pipelex" / "inference"
    (inference / "deck" / "mine").mkdir(parents=True)
    (inference / "backends.toml").write_bytes(b"\xef\xbb\xbf# mine\r\n[openai]\r\n")
    (inference / "routing_profiles.toml").write_bytes(b"#:schema https://example.org/mine.json\n")
    (inference / "deck" / "mine" / "a.toml").write_bytes(b"")
    assert run(["schema", "deck"]) == 0
    assert json.loads(capsys.readouterr().out) == schema("deck", discover())
    assert run(["schema"]) == 0
    assert list(json.loads(capsys.readouterr().out)) == list(SCHEMAS)
    assert run(["schema", "--write", "--dry-run"]) == 0
    assert not (tmp_path / ".pipelex" / "schemas").exists()
    assert run(["schema", "--write"]) == 0
    assert (inference / "backends.toml").read_bytes() == (
        b"\xef\xbb\xbf#:schema ../schemas/backends.json\r\n\r\n# mine\r\n[openai]\r\n"
    )
    assert (inference / "deck" / "mine" / "a.toml").read_text() == "#:schema ../../../schemas/deck.json\n\n"
    assert (inference / "routing_profiles.toml").read_bytes() == b"#:schema https://example.org/mine.json\n"
    assert json.loads((tmp_path / ".pipelex" / "schemas" / "deck.json").read_text()) == schema("deck", discover())
    capsys.readouterr()
    assert run(["schema", "--write"]) == 0
    assert capsys.readouterr().out == ""
