"""deck/: aliases, presets and defaults in both generations, how files are merged, and what is refused."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_core.deck import ModelDeck
from pipelex_core.errors import (
    ConfigError,
    ExtractHandleNotFoundError,
    ImgGenHandleNotFoundError,
    LLMHandleNotFoundError,
    LLMPresetNotFoundError,
)

if TYPE_CHECKING:
    from pipelex_core.deck import Resolution
    from tests.core.config_project import Project

BASE = "deck/base.toml"


def resolve(project: Project, handle: Any, capability: str = "llm") -> Resolution:
    return project.load().deck.resolve(handle, capability)


def names(resolution: Resolution) -> list[str]:
    return [member.name for member in resolution.chain]


# ── What may be written ──────────────────────────────────────────────────────────────────────────────────────────


def test_the_forms_of_an_alias(project: Project) -> None:
    """A name; a list, first to last; a table with settings; aliases of aliases; a chain in a chain."""
    project.add(
        BASE,
        """
        [aliases.warm]
        model = "m-one"
        temperature = 0.9
        """,
    )
    project.replace(
        BASE,
        'best = "m-one"',
        'best = "m-one"\nof-best = "best"\nnested = ["b-only", "chain", "m-two"]\ncool = { model = "of-best", temperature = 0.1 }\n'
        'listed = { model = ["m-two", "best"], temperature = 0.2 }',
    )
    assert names(resolve(project, "best")) == names(resolve(project, "of-best")) == ["m-one"]
    assert names(resolve(project, "chain")) == ["m-two", "m-one"]
    assert names(resolve(project, "nested")) == ["b-only", "m-two", "m-one"]
    assert resolve(project, "warm").settings == {"temperature": 0.9}
    cool = resolve(project, "cool")
    assert (names(cool), cool.settings) == (["m-one"], {"temperature": 0.1})
    assert [member.provided for member in resolve(project, "listed").chain] == [{"temperature": 0.2}] * 2


def test_a_handle_is_a_preset_else_a_model_else_an_alias(project: Project) -> None:
    """A preset and an alias may share a name; a model's name hides an alias."""
    project.replace(BASE, 'best = "m-one"', 'best = "m-one"\nquick = "m-two"\nm-two = "b-only"')
    assert resolve(project, "quick").kind == "preset"
    assert names(resolve(project, "@quick")) == ["m-two"]
    assert resolve(project, "$quick").kind == "preset"
    assert names(resolve(project, "m-two")) == ["m-two"]
    assert resolve(project, "scan", "extract").kind == "preset"


def test_a_presets_settings_win_over_its_aliases(project: Project) -> None:
    """The call's over the preset's, the preset's over the alias's, the outer alias's over the inner's."""
    project.add(
        BASE,
        """
        [aliases.inner]
        model = "m-one"
        temperature = 0.1
        max_tokens = 100
        seed = 1
        [aliases.outer]
        model = "inner"
        temperature = 0.2
        max_tokens = 200
        [llm.presets.layered]
        model = "outer"
        temperature = 0.3
        """,
    )
    loaded = project.load()
    layered = loaded.deck.resolve("layered")
    assert layered.settings == {"temperature": 0.3, "max_tokens": 200, "seed": 1}
    assert {name: origin.key for name, origin in layered.origins.items()} == {
        "temperature": ("llm", "presets", "layered", "temperature"),
        "max_tokens": ("aliases", "outer", "max_tokens"),
        "seed": ("aliases", "inner", "seed"),
    }
    inline = loaded.deck.resolve({"model": "layered", "temperature": 0.4})
    assert inline.settings["temperature"] == 0.4
    assert inline.chain[0].settings == {"temperature": 0.4, "max_tokens": 200, "seed": 1}


def test_members_of_a_chain_keep_the_settings_of_their_own_alias(project: Project) -> None:
    """An alias with settings inside a chain speaks for its own models."""
    project.replace(BASE, 'best = "m-one"', 'best = { model = "m-one", temperature = 0.1 }\nboth = ["best", "m-two"]')
    project.add(BASE, '[llm.presets.long]\nmodel = "both"\nmax_tokens = 50\n')
    long = resolve(project, "long")
    assert long.settings == {"max_tokens": 50}
    assert [dict(member.settings) for member in long.chain] == [
        {"temperature": 0.1, "max_tokens": 50},
        {"max_tokens": 50},
    ]
    warmer = long.with_settings({"temperature": 0.7})
    assert [member.settings["temperature"] for member in warmer.chain] == [0.7, 0.7]


def test_every_setting_of_every_capability_may_be_written(project: Project) -> None:
    """The settings of the documentation, all at once where they do not exclude each other."""
    project.add(
        BASE,
        """
        [llm.presets.full]
        model = "m-one"
        description = "everything"
        temperature = 0
        max_tokens = "auto"
        prompting_target = "openai"
        top_p = 0.5
        seed = 3
        stop = ["END"]
        reasoning_effort = "low"
        reasoning_budget = 100

        [extract.presets.none]
        model = "reader"
        max_nb_images = 0
        image_min_size = 0

        [img_gen.presets.steps]
        model = "painter"
        nb_steps = 4
        guidance_scale = 7.5
        is_moderated = true
        safety_tolerance = 6
        width = 64
        height = 32
        seed = 1
        number = 2
        """,
    )
    assert project.check() == ()
    full = resolve(project, "full")
    assert full.chain[0].settings["max_tokens"] == 4096
    assert len(full.settings) == 8
    assert project.load().deck.preset("llm", "full").description == "everything"


def test_the_older_generation_of_presets(project: Project) -> None:
    """`[llm_presets]`, `[llm_choice_defaults]`, `[llm_choice_overrides]`, `llm_handle`, `ocr_handle`."""
    project.write(
        BASE,
        """
        [aliases]
        best = "m-one"

        [llm_presets]
        older = { llm_handle = "best", temperature = 0.5, max_tokens = "auto" }

        [llm_choice_defaults]
        for_text = "older"
        for_object = { llm_handle = "m-one", temperature = 0.1 }

        [llm_choice_overrides]
        for_text = "disabled"

        [extract.presets]
        scan = { ocr_handle = "reader", max_nb_images = 3 }
        """,
    )
    assert project.check() == ()
    deck = project.load().deck
    assert names(deck.resolve("older")) == ["m-one"]
    assert deck.default("llm.for_text") == "older"
    assert deck.resolve(deck.default("llm.for_object")).settings == {"temperature": 0.1}
    assert names(deck.resolve("scan", "extract")) == ["reader"]
    assert names(deck.resolve({"llm_handle": "m-two"})) == ["m-two"]


def test_synonyms_work_in_aliases_too(project: Project) -> None:
    """`llm_handle` is `model` wherever a model is named."""
    project.replace(BASE, 'best = "m-one"', 'best = { llm_handle = "m-one", temperature = 0.3 }')
    assert resolve(project, "best").settings == {"temperature": 0.3}


# ── Defaults and overrides ───────────────────────────────────────────────────────────────────────────────────────


def test_overrides_win_and_disabled_means_none(project: Project) -> None:
    """`choice_overrides` over `choice_defaults`, in whatever file; `"disabled"` overrides nothing."""
    project.write(
        "deck/overrides.toml",
        """
        [llm.choice_overrides]
        for_text = "m-two"
        for_object = "disabled"

        [extract]
        choice_override = "reader"

        [img_gen]
        choice_default = "disabled"
        """,
    )
    deck = project.load().deck
    assert deck.default("llm.for_text") == "m-two"
    assert deck.default("llm.for_object") == "quick"
    assert deck.default("extract") == "reader"
    with pytest.raises(ConfigError) as caught:
        deck.default("img_gen")
    assert caught.value.problems[0].code == "no-default"


@pytest.mark.parametrize(
    ("choice", "plugin"),
    [
        ("llm.for_text", "llamacpp"),
        ("extract", "rapidocr"),
        ("embed", "llamacpp"),
        ("rerank", "llamacpp"),
        ("transcribe", "whisper"),
        ("speak", "kokoro"),
    ],
)
def test_without_a_default_the_error_says_what_to_install(
    choice: str, plugin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plugin with a model that needs no key, where it is not installed; else only to name a model."""
    deck = ModelDeck(models={}, backends={})
    with pytest.raises(ConfigError) as caught:
        deck.default(choice)
    assert caught.value.problems[0].suggestion == "name a model"

    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", missing)
    with pytest.raises(ConfigError) as caught:
        deck.default(choice)
    suggestion = caught.value.problems[0].suggestion
    assert suggestion == f"name a model; for one that needs no key, run: pip install pipelex-backend-{plugin}"


def test_a_default_may_be_any_handle(project: Project) -> None:
    """A preset, a model, an alias, marked with a sign or not, or an inline table."""
    for handle in ('"quick"', '"$quick"', '"m-one"', '"best"', '"@best"', '{ model = "quick", temperature = 0.2 }'):
        project.replace(BASE, 'for_object = "quick"', f"for_object = {handle}")
        assert project.check() == ()
        assert names(resolve(project, project.load().deck.default("llm.for_object"))) == ["m-one"]
        project.replace(BASE, f"for_object = {handle}", 'for_object = "quick"')
    assert project.load().choices["llm.for_text"].key == ("llm", "choice_defaults", "for_text")


# ── Merging files ────────────────────────────────────────────────────────────────────────────────────────────────


def test_files_are_read_in_path_order_and_overrides_last(project: Project) -> None:
    """Below the folder too; hidden files and other names are left alone."""
    project.write("deck/a.toml", 'aliases.who = "m-two"')
    project.write("deck/z/deep.toml", 'aliases.who = "b-only"')
    assert names(resolve(project, "who")) == ["b-only"]
    project.write("deck/overrides.toml", 'aliases.who = "m-one"')
    assert names(resolve(project, "who")) == ["m-one"]
    project.write("deck/zz.toml", 'aliases.who = "m-two"')
    assert names(resolve(project, "who")) == ["m-one"]
    project.write("deck/.#backup.toml", "= broken")
    project.write("deck/notes.txt", "= broken")
    assert project.check() == ()


def test_tables_merge_and_lists_are_replaced(project: Project) -> None:
    """A later chain replaces the earlier one; other names stay."""
    project.write("deck/more.toml", '[aliases]\nchain = ["m-one"]\nnew = "m-two"\n')
    assert names(resolve(project, "chain")) == ["m-one"]
    assert names(resolve(project, "best")) == ["m-one"]


def test_a_preset_that_names_its_model_replaces_the_earlier_one_whole(project: Project) -> None:
    """Nothing of the earlier one is left; one that does not name it changes the keys it has."""
    project.write("deck/more.toml", '[llm.presets]\nquick = { model = "m-two", max_tokens = 9 }\n')
    assert resolve(project, "quick").settings == {"max_tokens": 9}
    assert names(resolve(project, "quick")) == ["m-two"]
    project.write("deck/overrides.toml", "[llm_presets.quick]\ntemperature = 0.9\n")
    changed = resolve(project, "quick")
    assert (names(changed), changed.settings) == (["m-two"], {"max_tokens": 9, "temperature": 0.9})
    assert changed.origins["temperature"].file == str(project.folder / "deck/overrides.toml")
    assert changed.origins["max_tokens"].file == str(project.folder / "deck/more.toml")


def test_an_alias_may_be_given_settings_later(project: Project) -> None:
    """A table without `model` adds to an alias that was a name or a chain."""
    project.write("deck/more.toml", "[aliases]\nbest = { temperature = 0.3 }\nchain = { temperature = 0.4 }\n")
    assert resolve(project, "best").settings == {"temperature": 0.3}
    assert [member.provided["temperature"] for member in resolve(project, "chain").chain] == [0.4, 0.4]


# ── What is refused ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "code", "key"),
    [
        ("aliases.x = 3", "bad-value", "aliases.x"),
        ('aliases.x = ""', "bad-value", "aliases.x"),
        ("aliases.x = []", "empty-chain", "aliases.x"),
        ('aliases.x = ["m-one", 3]', "bad-value", "aliases.x.1"),
        ('aliases.x = ["m-one", ""]', "bad-value", "aliases.x.1"),
        ("aliases.x = { temperature = 0.5 }", "missing-key", "aliases.x"),
        ("aliases.x = {}", "missing-key", "aliases.x"),
        ('aliases.x = { model = "m-one", temperature = 3 }', "bad-value", "aliases.x.temperature"),
        ('aliases.x = { model = "m-one", temprature = 0 }', "unknown-key", "aliases.x.temprature"),
        ('aliases.x = { model = "m-one", llm_handle = "m-two" }', "mixed-generations", "aliases.x.llm_handle"),
        ('aliases.x = "nowhere"', "unknown-handle", "aliases.x"),
        ('aliases.x = ["m-one", "nowhere"]', "unknown-handle", "aliases.x.1"),
        ('aliases.x = "x"', "alias-cycle", "aliases.x"),
        ('aliases.x = "$quick"', "unknown-handle", "aliases.x"),
        ("llm = 3", "bad-value", "llm"),
        ("llm.presets = 3", "bad-value", "llm.presets"),
        ("llm.presets.x = 3", "bad-value", "llm.presets.x"),
        ('llm.presets.x = "m-one"', "bad-value", "llm.presets.x"),
        ("llm.presets.x = { temperature = 0.5 }", "missing-key", "llm.presets.x"),
        ('llm.presets.x = { model = "" }', "bad-value", "llm.presets.x.model"),
        ("llm.presets.x = { model = 3 }", "bad-value", "llm.presets.x.model"),
        ('llm.presets.x = { model = ["m-one"] }', "bad-value", "llm.presets.x.model"),
        ('llm.presets.x = { model = "nowhere" }', "unknown-handle", "llm.presets.x.model"),
        ('llm.presets.x = { llm_handle = "nowhere" }', "unknown-handle", "llm.presets.x.llm_handle"),
        ('llm.presets.x = { model = "m-one", llm_handle = "m-one" }', "mixed-generations", "llm.presets.x.llm_handle"),
        ('llm.presets.x = { model = "m-one", description = 3 }', "bad-value", "llm.presets.x.description"),
        ('llm.presets.x = { model = "m-one", temperature = "hot" }', "bad-value", "llm.presets.x.temperature"),
        ('llm.presets.x = { model = "m-one", temperature = -0.1 }', "bad-value", "llm.presets.x.temperature"),
        ('llm.presets.x = { model = "m-one", temperature = nan }', "bad-value", "llm.presets.x.temperature"),
        ('llm.presets.x = { model = "m-one", temperature = 1.5 }', "unsupported-setting", "llm.presets.x.temperature"),
        ('llm.presets.x = { model = "m-one", max_tokens = 0 }', "bad-value", "llm.presets.x.max_tokens"),
        ('llm.presets.x = { model = "m-one", max_tokens = "all" }', "bad-value", "llm.presets.x.max_tokens"),
        ('llm.presets.x = { model = "m-one", max_tokens = 4097 }', "unsupported-setting", "llm.presets.x.max_tokens"),
        ('llm.presets.x = { model = "strict", temperature = 0.5 }', "unsupported-setting", "llm.presets.x.temperature"),
        ('llm.presets.x = { model = "reader" }', "wrong-capability", "llm.presets.x.model"),
        ('llm.presets.x = { model = "m-one", max_nb_images = 3 }', "unknown-key", "llm.presets.x.max_nb_images"),
        ('llm.presets.x = { model = "m-one", on_unsupported_setting = "x" }', "bad-value", "llm.presets.x.on_unsupported_setting"),
        ('extract.presets.x = { model = "reader", max_nb_images = -1 }', "bad-value", "extract.presets.x.max_nb_images"),
        ('extract.presets.x = { model = "reader", image_min_size = 1.5 }', "bad-value", "extract.presets.x.image_min_size"),
        ('extract.presets.x = { model = "m-one" }', "wrong-capability", "extract.presets.x.model"),
        ('img_gen.presets.x = { model = "painter", quality = "best" }', "bad-value", "img_gen.presets.x.quality"),
        ('img_gen.presets.x = { model = "painter", nb_steps = 0 }', "bad-value", "img_gen.presets.x.nb_steps"),
        ('img_gen.presets.x = { model = "painter", quality = "low", nb_steps = 4 }', "bad-value", "img_gen.presets.x.nb_steps"),
        ('img_gen.presets.x = { model = "painter", guidance_scale = 0 }', "bad-value", "img_gen.presets.x.guidance_scale"),
        ('img_gen.presets.x = { model = "painter", guidance_scale = inf }', "bad-value", "img_gen.presets.x.guidance_scale"),
        ('img_gen.presets.x = { model = "painter", is_moderated = 1 }', "bad-value", "img_gen.presets.x.is_moderated"),
        ('img_gen.presets.x = { model = "painter", safety_tolerance = 7 }', "bad-value", "img_gen.presets.x.safety_tolerance"),
        ('img_gen.presets.x = { model = "painter", width = 64 }', "bad-value", "img_gen.presets.x.width"),
        ('llm.choice_overrides.for_text = "nowhere"', "unknown-handle", "llm.choice_overrides.for_text"),
        ('llm.choice_overrides.for_text = "$nowhere"', "unknown-handle", "llm.choice_overrides.for_text"),
        ('llm.choice_overrides.for_text = "reader"', "wrong-capability", "llm.choice_overrides.for_text"),
        ("llm.choice_overrides.for_text = 3", "bad-value", "llm.choice_overrides.for_text"),
        ('llm.choice_overrides.for_text = ""', "bad-value", "llm.choice_overrides.for_text"),
        ('llm.choice_overrides.for_txt = "quick"', "unknown-key", "llm.choice_overrides.for_txt"),
        ("llm.choice_overrides = 3", "bad-value", "llm.choice_overrides"),
        ("llm.choice_overrides.for_text = { temperature = 0.2 }", "missing-key", "llm.choice_overrides.for_text"),
        ('llm.choice_overrides.for_text = { model = "nowhere" }', "unknown-handle", "llm.choice_overrides.for_text.model"),
        (
            'llm.choice_overrides.for_text = { model = "m-one", temperature = "x" }',
            "bad-value",
            "llm.choice_overrides.for_text.temperature",
        ),
        (
            'llm.choice_overrides.for_text = { model = "strict", temperature = 0.1 }',
            "unsupported-setting",
            "llm.choice_overrides.for_text.temperature",
        ),
        ('extract.choice_override = "m-one"', "wrong-capability", "extract.choice_override"),
        ("extract.choice_default = 3", "bad-value", "extract.choice_default"),
        ('img_gen.choice_default = "nowhere"', "unknown-handle", "img_gen.choice_default"),
        ('on_unsupported_setting = "ignore"', "bad-value", "on_unsupported_setting"),
        ("on_unsupported_setting = 3", "bad-value", "on_unsupported_setting"),
        ('alias.x = "m-one"', "unknown-key", "alias"),
        ('llm.preset.x = "m-one"', "unknown-key", "llm.preset"),
        ("llm_presets = 3", "bad-value", "llm_presets"),
        ("aliases = 3", "bad-value", "aliases"),
    ],
)  # fmt: skip
def test_a_fault_is_one_error_at_its_place(project: Project, text: str, code: str, key: str) -> None:
    """One mutation of a sound deck each: exactly one problem, with its code, key and line."""
    project.write("deck/more.toml", f"# a comment\n\n{text}\n")
    problem = project.only()
    assert (problem.severity, problem.code, problem.key) == ("error", code, key)
    assert (problem.file, problem.line) == (str(project.folder / "deck/more.toml"), 3)
    assert problem.column is not None
    with pytest.raises(ConfigError):
        project.load()


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ('aliases.x = "m-onne"', "m-one"),
        ('aliases.x = "besst"', "best"),
        ('llm.presets.x = { model = "m-onne" }', "m-one"),
        ('llm.presets.x = { model = "m-one", temprature = 0 }', "temperature"),
        ("llm.presets.quik = { temperature = 0.5 }", "quick"),
        ('llm.choice_overrides.for_text = "quik"', "quick"),
        ('llm.choice_overrides.for_text = "$quik"', "quick"),
        ('llm.choice_overrides.for_txt = "quick"', "for_text"),
        ('llm.presets.x = { model = "m-one", on_unsupported_setting = "dorp" }', "drop"),
        ('aliases.x = { model = "m-one", temprature = 0 }', "temperature"),
        ('aliasse.x = "m-one"', "aliases"),
        ('llm.preset.x = "m-one"', "presets"),
    ],
)
def test_a_misspelt_name_gets_the_nearest_one(project: Project, text: str, near: str) -> None:
    """Models, aliases, presets, settings, sections."""
    project.write("deck/more.toml", text)
    assert project.only().suggestion == f"did you mean '{near}'?"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('llm.presets.x = { model = "nowhere" }', LLMHandleNotFoundError),
        ('extract.presets.x = { model = "nowhere" }', ExtractHandleNotFoundError),
        ('img_gen.presets.x = { model = "nowhere" }', ImgGenHandleNotFoundError),
        ('aliases.x = "nowhere"', LLMHandleNotFoundError),
        ('aliases.x = "nowhere"\nextract.presets.x = { model = "x" }', ExtractHandleNotFoundError),
        ('llm.choice_overrides.for_text = "$nowhere"', LLMPresetNotFoundError),
        ('llm.choice_overrides.for_text = "nowhere"', LLMHandleNotFoundError),
    ],
)
def test_the_documented_errors_keep_their_names(project: Project, text: str, error: type[ConfigError]) -> None:
    """A model or alias that exists nowhere, a preset that does not exist, each by capability."""
    project.write("deck/more.toml", text)
    with pytest.raises(error) as caught:
        project.load()
    assert len(caught.value.problems) == 1


def test_a_wrong_setting_hides_no_wrong_model(project: Project) -> None:
    """Both faults of a preset are found at once, and not the second when the first is mended."""
    project.write("deck/zz.toml", '[llm.presets]\nboth = { model = "nowhere", temperature = 99 }')
    assert {problem.code for problem in project.check()} == {"bad-value", "unknown-handle"}


def test_a_cycle_is_printed_and_reported_once(project: Project) -> None:
    """Whatever leads into it is no further fault."""
    project.write("deck/more.toml", 'aliases.a = "b"\naliases.b = ["m-one", "c"]\naliases.c = "a"\naliases.d = "a"\n')
    project.add("deck/more.toml", '[llm.presets.x]\nmodel = "d"\n')
    problem = project.only()
    assert problem.code == "alias-cycle"
    assert "a → b → c → a" in problem.message


def test_two_cycles_are_two_problems(project: Project) -> None:
    """One a circle, also where they share a name."""
    project.write("deck/more.toml", 'aliases.a = ["b", "c"]\naliases.b = "a"\naliases.c = "a"\naliases.z = "z"\n')
    assert [p.message.partition(": ")[2] for p in project.check()] == ["a → b → a", "a → c → a", "z → z"]


def test_a_very_long_chain_of_aliases_is_followed(project: Project) -> None:
    """Ten thousand aliases in a row lead to their model, and a cycle of that length is an error, not a crash."""
    count = 10_000
    lines = "".join(f'a{n} = "a{n + 1}"\n' for n in range(count))
    project.write("deck/more.toml", f'[aliases]\n{lines}a{count} = "m-one"\n'.encode())
    assert names(resolve(project, "a0")) == ["m-one"]
    project.write("deck/more.toml", f'[aliases]\n{lines}a{count} = "a0"\n'.encode())
    problem = project.only()
    assert problem.code == "alias-cycle"
    assert len(problem.message) < 500


def test_a_web_of_aliases_is_no_explosion(project: Project) -> None:
    """Each alias twice in the next, a thousand deep: followed once each."""
    lines = "".join(f'a{n} = ["a{n + 1}", "b{n}"]\nb{n} = "a{n + 1}"\n' for n in range(1000))
    project.write("deck/more.toml", f'[aliases]\n{lines}a1000 = ["m-one", "m-two"]\n'.encode())
    assert names(resolve(project, "a0")) == ["m-one", "m-two"]


def test_many_cycles_end_in_few_problems(project: Project) -> None:
    """Every alias of a long chain leads back to the first: the load neither hangs nor reports each way around."""
    lines = "".join(f'a{n} = ["a{n + 1}", "a0"]\n' for n in range(3000))
    project.write("deck/more.toml", f'[aliases]\n{lines}a3000 = "m-one"\n'.encode())
    problems = project.check()
    assert 1 <= len(problems) <= 50
    assert {problem.code for problem in problems} == {"alias-cycle"}


def test_a_member_that_comes_twice_is_dropped_with_a_warning(project: Project) -> None:
    """Written twice, or reached through two members, which `validate` finds."""
    project.write("deck/more.toml", 'aliases.x = ["m-two", "m-one", "m-two"]\n')
    problem = project.only()
    assert (problem.severity, problem.code, problem.key) == ("warning", "duplicate-chain-member", "aliases.x.2")
    assert names(resolve(project, "x")) == ["m-two", "m-one"]
    project.write("deck/more.toml", 'aliases.x = ["chain", "m-one"]\n')
    assert names(resolve(project, "x")) == ["m-two", "m-one"]


def test_a_file_that_mixes_both_forms_of_presets(project: Project) -> None:
    """`[llm.presets]` and `[llm_presets]` in one file leave open which wins; in two files the later does."""
    project.add(BASE, '[llm_presets]\nold = { llm_handle = "m-one" }\n')
    problem = project.only()
    assert (problem.code, problem.key) == ("mixed-generations", "llm_presets")


def test_newer_keys_are_warned_about(project: Project) -> None:
    """Keys of newer releases of the format are left out with the reason, not refused."""
    project.write(
        "deck/more.toml", 'llm.aliases.x = "m-one"\nwaterfalls.y = ["m-one"]\nimg_gen.default_quality = "low"\n'
    )
    project.add("deck/more.toml", "[llm.choice_defaults]\ndefault_temperature = 0.5\n")
    problems = project.check()
    assert {(p.severity, p.code) for p in problems} == {("warning", "newer-key")}
    assert len(problems) == 4


# ── Settings a model does not accept ─────────────────────────────────────────────────────────────────────────────


def test_the_policy_says_what_becomes_of_an_unsupported_setting(project: Project) -> None:
    """Error where a preset names one model; dropped and recorded in a chain; as the preset or the deck says."""
    preset = 'model = "strict"\ntemperature = 0.5\n'
    project.write("deck/more.toml", f"[llm.presets.x]\n{preset}")
    problem = project.only()
    assert problem.severity == "error"
    assert "'strict' refuses every temperature but 1" in problem.message
    assert problem.suggestion == 'remove temperature, or set on_unsupported_setting = "drop"'
    project.write("deck/more.toml", f'[llm.presets.x]\n{preset}on_unsupported_setting = "warn"\n')
    assert project.only().severity == "warning"
    project.write("deck/more.toml", f'on_unsupported_setting = "drop"\n[llm.presets.x]\n{preset}')
    assert project.check() == ()
    (member,) = resolve(project, "x").chain
    assert member.settings == {}
    assert list(member.refused) == ["temperature"]
    project.write(
        "deck/more.toml", 'aliases.y = ["strict", "m-one"]\n[llm.presets.x]\nmodel = "y"\ntemperature = 0.5\n'
    )
    assert project.check() == ()
    strict, one = resolve(project, "x").chain
    assert (strict.settings, dict(one.settings)) == ({}, {"temperature": 0.5})
    project.add("deck/more.toml", 'on_unsupported_setting = "error"\n')
    assert project.only().code == "unsupported-setting"


def test_an_aliases_unsupported_setting_is_reported_once_where_it_stands(project: Project) -> None:
    """Not once more for each preset that uses the alias."""
    project.write("deck/more.toml", '[aliases]\nx = { model = "strict", temperature = 0.5 }\n')
    project.add("deck/more.toml", '[llm.presets]\np = { model = "x" }\nq = { model = "x", max_tokens = 5 }\n')
    problem = project.only()
    assert (problem.code, problem.key) == ("unsupported-setting", "aliases.x.temperature")


# ── What cannot be called ────────────────────────────────────────────────────────────────────────────────────────


def test_members_that_cannot_be_called_are_skipped_with_their_reason(project: Project) -> None:
    """Resolution goes on to the next; the member stays in the chain with its reason."""
    project.write("deck/more.toml", 'aliases.x = ["m-off", "m-one"]\n')
    assert project.check() == ()
    resolution = resolve(project, "x")
    assert [member.available for member in resolution.chain] == [False, True]
    assert resolution.chosen is resolution.chain[1]
    assert "is disabled" in (resolution.chain[0].entry.reason or "")


def test_faults_in_names_do_not_hide_each_other(project: Project) -> None:
    """An alias with a fault is known all the same; what uses it is no further fault."""
    project.write("deck/more.toml", 'aliases.x = 3\naliases.y = "x"\nllm.presets.p = { model = "y" }\n')
    project.add("deck/more.toml", 'llm.choice_overrides.for_text = "p"\nllm.presets.q = { model = "x", top_p = 7 }\n')
    assert [problem.key for problem in project.check()] == ["aliases.x", "llm.presets.q.top_p"]


def test_a_file_that_cannot_be_read_may_have_held_any_name(project: Project) -> None:
    """With a broken file in the deck, no name is called unknown."""
    project.write("deck/broken.toml", "= no toml")
    project.write("deck/more.toml", 'aliases.x = "from-the-broken-file"\n')
    assert project.only().code == "bad-toml"
