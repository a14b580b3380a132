"""Model specs: both generations of the format, defaults, what plugins ship, and what is refused."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_cli.explained_json import costs_as_json
from pipelex_cli.written import WrittenValues
from pipelex_core.plugins import discover
from pipelex_core.specs import Costs, ModelType, Source

if TYPE_CHECKING:
    from tests.core.config_project import Project


def spec_of(project: Project, name: str) -> Any:
    """The spec, typed loosely: these tests compare prices with whole numbers."""
    spec = project.load().deck.models[name].spec
    assert spec is not None
    return spec


def write_beta(project: Project, text: str) -> None:
    """Make a text the models of backend `beta`, which nothing else of the project needs."""
    project.write("backends/beta.toml", text)


# ── The current generation ───────────────────────────────────────────────────────────────────────────────────────


def test_every_key_of_a_spec(project: Project) -> None:
    """What a table says is what the spec holds."""
    write_beta(
        project,
        """
        ["b/full"]
        model_id = "beta-full-2026"
        sdk = "acme"
        model_type = "llm"
        inputs = ["text", "images", "pdf"]
        outputs = ["text", "structured"]
        costs = { input = 3.0, input_cached = 0.30, output = 15 }
        max_tokens = 64000
        context_window = 200000
        max_prompt_images = 100
        prompting_target = "anthropic"
        constraints = ["temperature_must_be_1", "no_top_p"]
        as_of = "2026-11"
        thinking = true
        """,
    )
    spec = spec_of(project, "b/full")
    assert (spec.backend, spec.sdk, spec.model_id) == ("beta", "acme", "beta-full-2026")
    assert spec.model_type == ModelType.LLM
    assert spec.inputs == {"text", "images", "pdf"}
    assert spec.outputs == {"text", "structured"}
    assert (spec.costs.input, spec.costs.input_cached, spec.costs.output) == (3, Decimal("0.30"), 15)
    assert spec.costs.unit == "million_tokens"
    assert spec.costs.input_joined is None
    assert (spec.max_tokens, spec.context_window, spec.max_prompt_images) == (64000, 200000, 100)
    assert spec.prompting_target == "anthropic"
    assert spec.constraints == {"temperature_must_be_1", "no_top_p"}
    assert spec.options == {"thinking": True}
    assert spec.source.key == ("b/full",)


def test_a_bare_table_has_the_documented_defaults(project: Project) -> None:
    """The table's name is the model id; everything that is not said is unknown, and refuses nothing."""
    spec = spec_of(project, "m-two")
    assert (spec.model_id, spec.model_type, spec.costs) == ("m-two", ModelType.LLM, None)
    assert (spec.inputs, spec.outputs, spec.constraints) == (set(), set(), set())
    assert (spec.max_tokens, spec.context_window, spec.max_prompt_images) == (None, None, None)


def test_prices_are_exact(project: Project) -> None:
    """A price is the decimal that was written, never a float near it."""
    write_beta(project, "[b]\nsdk = 'acme'\ncosts = { input = 0.1, output = 0.0003, input_audio = 1e-7 }")
    costs = spec_of(project, "b").costs
    assert (costs.input, costs.output, costs.input_audio) == (Decimal("0.1"), Decimal("0.0003"), Decimal("1E-7"))


@pytest.mark.parametrize(
    ("model_type", "unit"), [("llm", "million_tokens"), ("img_gen", "image"), ("text_extractor", "page")]
)
def test_the_unit_of_a_price_follows_the_type(project: Project, model_type: str, unit: str) -> None:
    """An LLM's prices are per million tokens, an image's per image, a page's per page."""
    write_beta(project, f"[b]\nsdk = 'acme'\nmodel_type = '{model_type}'\ncosts = {{ output = 0.05 }}")
    costs = spec_of(project, "b").costs
    assert (costs.unit, costs.input, costs.output) == (unit, None, Decimal("0.05"))


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ('["text"]', ModelType.LLM),
        ('["image"]', ModelType.IMG_GEN),
        ('["pages"]', ModelType.TEXT_EXTRACTOR),
        ("[]", ModelType.LLM),
    ],
)
def test_a_missing_type_is_inferred_from_outputs(project: Project, outputs: str, expected: ModelType) -> None:
    """What a model gives says what it is; an LLM where nothing does."""
    write_beta(project, f"[b]\nsdk = 'acme'\noutputs = {outputs}")
    assert spec_of(project, "b").model_type == expected


def test_image_means_images_in_inputs(project: Project) -> None:
    """The synonym that shipped files use is understood."""
    write_beta(project, "[b]\nsdk = 'acme'\ninputs = ['pdf', 'image']")
    assert spec_of(project, "b").inputs == {"pdf", "images"}


def test_defaults_hold_for_every_model_of_the_file(project: Project) -> None:
    """`[defaults]` takes any key of a spec; a model's own key wins, tables whole."""
    write_beta(
        project,
        """
        [defaults]
        sdk = "acme"
        max_tokens = 100
        costs = { input = 1, output = 2 }
        style = "terse"

        [one]

        [two]
        max_tokens = 200
        costs = { input = 5 }
        """,
    )
    one, two = spec_of(project, "one"), spec_of(project, "two")
    assert (one.max_tokens, one.costs.output, one.options) == (100, 2, {"style": "terse"})
    assert (two.max_tokens, two.costs.input, two.costs.output) == (200, 5, None)


def test_default_sdk_at_the_top_means_the_same(project: Project) -> None:
    """`default_sdk` and `default_prompting_target` are `[defaults]` in other words."""
    write_beta(project, "default_sdk = 'acme'\ndefault_prompting_target = 'openai'\n[b]\n")
    spec = spec_of(project, "b")
    assert (spec.sdk, spec.prompting_target) == ("acme", "openai")


def test_both_words_for_a_default_must_agree(project: Project) -> None:
    """Saying two different things is an error, saying the same twice is not."""
    write_beta(project, "default_sdk = 'acme'\n[defaults]\nsdk = 'acme'\n[b-only]\n")
    assert project.check() == ()
    write_beta(project, "default_sdk = 'other'\n[defaults]\nsdk = 'acme'\n[b-only]\n")
    problem = project.only()
    assert (problem.code, problem.key, problem.line) == ("mixed-generations", "default_sdk", 1)


def test_a_model_may_be_switched_off(project: Project) -> None:
    """`enabled = false` keeps the name and offers nothing; the reason says so."""
    write_beta(project, "[defaults]\nsdk = 'acme'\n[b-off]\nenabled = false\n[b-only]\n")
    entry = project.load().deck.models["b-off"]
    assert (entry.spec, entry.offered_by) == (None, ())
    assert "'beta', which has it switched off" in (entry.reason or "")


# ── The older generation ─────────────────────────────────────────────────────────────────────────────────────────


def test_an_older_file_has_models_in_tables_and_prices_per_thousand(project: Project) -> None:
    """`[models.name]`; LLM prices become per million, exactly; images and pages keep their unit."""
    write_beta(
        project,
        """
        default_sdk = "acme"

        [models.older-mini]
        costs = { input = 0.00015, output = 0.0006 }

        [models."older.painter"]
        outputs = ["image"]
        costs = { output = 0.04 }
        """,
    )
    mini, painter = spec_of(project, "older-mini"), spec_of(project, "older.painter")
    assert (mini.costs.input, mini.costs.output) == (Decimal("0.15"), Decimal("0.6"))
    assert (painter.costs.unit, painter.costs.output) == ("image", Decimal("0.04"))
    assert mini.source.key == ("models", "older-mini")


def test_generations_may_differ_from_file_to_file(project: Project) -> None:
    """One backend's file is older, the other's current."""
    write_beta(project, "[models.older]\nsdk = 'acme'\ncosts = { input = 0.001 }")
    older, current = spec_of(project, "older"), spec_of(project, "m-one")
    assert (older.costs.input, current.costs.input) == (1, Decimal("2.5"))


def test_a_file_that_mixes_generations_is_an_error(project: Project) -> None:
    """Their prices differ by a thousand: there is no telling which is meant."""
    write_beta(project, "[models.b]\nsdk = 'acme'\n\n[c]\nsdk = 'acme'\n")
    problem = project.only()
    assert (problem.code, problem.key, problem.line) == ("mixed-generations", "c", 4)


def test_a_model_may_be_called_models(project: Project) -> None:
    """A table `[models]` with a spec's keys in it is a model of that name."""
    write_beta(project, "[models]\nsdk = 'acme'\ncosts = { input = 1 }\n[b-only]\nsdk = 'acme'\n")
    assert spec_of(project, "models").sdk == "acme"


# ── What plugins ship ────────────────────────────────────────────────────────────────────────────────────────────


def test_the_project_wins_key_by_key(project: Project) -> None:
    """Project's model, project's defaults, plugin's model, plugin's defaults; prices are replaced whole."""
    project.ship(
        "beta",
        """
        [defaults]
        sdk = "shipped-default"
        style = "shipped-default"
        context_window = 1000

        [b-both]
        prompting_target = "shipped"
        max_tokens = 10
        style = "shipped-model"
        costs = { input = 1, output = 2 }

        [b-shipped]
        sdk = "acme"
        """,
    )
    write_beta(
        project,
        """
        [defaults]
        sdk = "acme"
        max_tokens = 30
        prompting_target = "project-default"

        [b-both]
        prompting_target = "project"
        costs = { input = 9 }
        """,
    )
    both, shipped = spec_of(project, "b-both"), spec_of(project, "b-shipped")
    assert both.prompting_target == "project"
    assert (both.sdk, both.max_tokens) == ("acme", 30)
    assert both.options == {"style": "shipped-model"}
    assert both.context_window == 1000
    assert (both.costs.input, both.costs.output) == (9, None)
    assert both.source.file == str(project.folder / "backends/beta.toml")
    assert (shipped.sdk, shipped.max_tokens, shipped.prompting_target) == ("acme", None, None)
    assert shipped.source.plugin == "plugin-acme"


@pytest.mark.parametrize(
    ("own", "shipped", "served_by"),
    [
        ("[b-only]", "", "openai"),
        ("[defaults]\nmax_tokens = 5\n[b-only]", "", "openai"),
        ("[b-only]\nsdk = 'mistral'", "", "mistral"),
        ("[defaults]\nsdk = 'google'\n[b-only]", "", "google"),
        ("default_sdk = 'google'\n[models.b-only]", "", "google"),
        ("[b-only]", "[defaults]\nsdk = 'fal'\n[b-only]", "openai"),
        ("[b-only]", "[b-only]\nsdk = 'fal'", "fal"),
        ("[defaults]\nmax_tokens = 5\n", "[defaults]\nsdk = 'fal'\n[b-only]", "openai"),
        ("[defaults]\nsdk = 'google'\n", "[defaults]\nsdk = 'fal'\n[b-only]", "google"),
        ("[defaults]\nsdk = 'google'\n[m-two]", "[defaults]\nsdk = 'fal'\n[b-only]", "openai"),
    ],
)
def test_a_backends_table_may_name_the_sdk(project: Project, own: str, shipped: str, served_by: str) -> None:
    """Of all models whose own table, or the project's `[defaults]` for them, names none; `${…}` is filled in."""
    if shipped:
        project.ship("beta", shipped)
    project.replace("backends.toml", "[beta]\n", "[beta]\nsdk = '${BETA_SDK}'\n")
    project.environ["BETA_SDK"] = "openai"
    write_beta(project, f"{own}\n")
    loaded = project.load()
    spec = loaded.deck.models["b-only"].spec
    assert spec is not None
    assert spec.sdk == served_by
    written = WrittenValues(project.folder, project.plugins).model("beta", "b-only")["sdk"]
    assert written.value == ("${BETA_SDK}" if served_by == "openai" else served_by)
    in_table = Source(file=str(project.folder / "backends.toml"), key=("beta", "sdk"))
    assert (written.source == in_table) == (served_by == "openai")


def test_defaults_alone_speak_for_all_that_the_plugin_ships(project: Project) -> None:
    """A project's file without models changes what is shipped; one with models speaks for its own."""
    project.ship("beta", "[defaults]\nsdk = 'acme'\n[b-shipped]\nmax_tokens = 10\n[b-only]\n")
    write_beta(project, "[defaults]\nmax_tokens = 5\n")
    assert spec_of(project, "b-shipped").max_tokens == 5
    write_beta(project, "[defaults]\nmax_tokens = 5\n[b-only]\n")
    assert spec_of(project, "b-shipped").max_tokens == 10
    assert spec_of(project, "b-only").max_tokens == 5


def test_a_project_may_switch_off_a_shipped_model(project: Project) -> None:
    """Two lines are enough."""
    project.ship("beta", "[defaults]\nsdk = 'acme'\n[b-shipped]\n")
    write_beta(project, "[b-shipped]\nenabled = false\n[b-only]\nsdk = 'acme'\n")
    assert project.load().deck.models["b-shipped"].spec is None


def test_an_older_files_prices_are_converted_where_they_win(project: Project) -> None:
    """The unit goes with the file that a price comes from, not with the model."""
    project.ship("beta", "[b]\nsdk = 'acme'\ncosts = { input = 2 }\n[c]\nsdk = 'acme'\ncosts = { input = 2 }\n")
    write_beta(project, "[models.b]\ncosts = { input = 0.003 }\n[models.c]\nmax_tokens = 3\n")
    b, c = spec_of(project, "b"), spec_of(project, "c")
    assert (b.costs.input, c.costs.input) == (3, 2)


def test_a_plugin_may_add_models_to_a_backend_it_does_not_declare(project: Project) -> None:
    """Without a `[backend]` table its file adds to a backend that exists, and declares none."""
    project.ship("acme", "[m-extra]\nsdk = 'acme'\n")
    assert spec_of(project, "m-extra").backend == "acme"
    project.ship("nobody", "[m-lost]\nsdk = 'acme'\n")
    loaded = project.load()
    assert "m-lost" not in loaded.deck.models
    assert "nobody" not in loaded.disabled


# ── What is refused ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("line", "code", "key", "expected"),
    [
        ("model_id = 3", "bad-value", "b.model_id", "a string"),
        ("sdk = true", "bad-value", "b.sdk", "a string"),
        ("model_type = 'lmm'", "bad-value", "b.model_type", f"one of {', '.join(ModelType)}"),
        ("model_type = 3", "bad-value", "b.model_type", "a string"),
        ("inputs = 'text'", "bad-value", "b.inputs", "a list of text, images, image, pdf, audio, video"),
        ("inputs = ['text', 'videos']", "bad-value", "b.inputs.1", "one of text, images, image, pdf, audio, video"),
        (
            "outputs = ['txt']",
            "bad-value",
            "b.outputs.0",
            "one of text, structured, image, pages, vectors, ranking, audio, scores",
        ),
        (
            "outputs = [[]]",
            "bad-value",
            "b.outputs.0",
            "one of text, structured, image, pages, vectors, ranking, audio, scores",
        ),
        ("max_tokens = '8k'", "bad-value", "b.max_tokens", "a whole number of at least 1"),
        ("max_tokens = 0", "bad-value", "b.max_tokens", "a whole number of at least 1"),
        ("max_tokens = 1.5", "bad-value", "b.max_tokens", "a whole number of at least 1"),
        ("max_tokens = true", "bad-value", "b.max_tokens", "a whole number of at least 1"),
        ("max_prompt_images = -1", "bad-value", "b.max_prompt_images", "a whole number of at least 0"),
        ("constraints = ['temperature_must_be_2']", "bad-value", "b.constraints.0", None),
        ("enabled = 'no'", "bad-value", "b.enabled", "true or false"),
        ("costs = 3", "bad-value", "b.costs", "a table of prices, such as { input = 2.5, output = 10 }"),
        ("costs = { input = '3' }", "bad-value", "b.costs.input", "a price in US$, 0 or more"),
        ("costs = { input = -3 }", "bad-value", "b.costs.input", "a price in US$, 0 or more"),
        ("costs = { input = -0.1 }", "bad-value", "b.costs.input", "a price in US$, 0 or more"),
        ("costs = { input = inf }", "bad-value", "b.costs.input", "a price in US$, 0 or more"),
        ("costs = { input = nan }", "bad-value", "b.costs.input", "a price in US$, 0 or more"),
        ("costs = { imput = 3 }", "unknown-key", "b.costs.imput", None),
        ("max_token = 3", "unknown-key", "b.max_token", None),
        ("thinking = 1", "bad-value", "b.thinking", "true or false"),
    ],
)
def test_a_wrong_key_or_value_is_one_problem(
    project: Project, line: str, code: str, key: str, expected: str | None
) -> None:
    """Each with its key, what was expected, and its line and column."""
    write_beta(project, f"[b-only]\nsdk = 'acme'\n[b]\n{line}\n" + ("" if line.startswith("sdk") else "sdk = 'acme'\n"))
    problem = project.only()
    assert (problem.severity, problem.code, problem.key, problem.line) == ("error", code, key, 4)
    if expected is not None:
        assert problem.expected == expected


@pytest.mark.parametrize(
    ("line", "near"),
    [
        ("model_type = 'lmm'", "llm"),
        ("inputs = ['imagess']", "images"),
        ("constraints = ['temperatur_must_be_1']", "temperature_must_be_1"),
        ("costs = { inputs = 3 }", "input"),
        ("max_token = 3", "max_tokens"),
        ("thinkin = true", "thinking"),
    ],
)
def test_a_misspelt_word_gets_the_nearest_name(project: Project, line: str, near: str) -> None:
    """Keys, choices, constraints, prices and a plugin's own keys."""
    write_beta(project, f"[b-only]\nsdk = 'acme'\n{line}\n")
    assert project.only().suggestion == f"did you mean '{near}'?"


def test_a_model_without_an_sdk_is_an_error(project: Project) -> None:
    """Nobody could serve it."""
    write_beta(project, "[b-only]\nmodel_id = 'x'\n")
    problem = project.only()
    assert (problem.code, problem.key, problem.expected) == ("missing-key", "b-only", 'sdk = "…"')


def test_a_fault_in_defaults_is_one_problem_for_all_models(project: Project) -> None:
    """One fault a cause, at the place where it stands."""
    write_beta(project, "[defaults]\nsdk = 'acme'\nmax_tokens = 'x'\n[b-only]\n[b]\n[c]\n")
    problem = project.only()
    assert (problem.key, problem.line) == ("defaults.max_tokens", 3)


@pytest.mark.parametrize(
    "text", ["sdk = 'acme'\n", "[[x]]\n", "defaults = 3\n", "[models]\nx = 3\n[models.y]\nsdk = 'acme'\n"]
)
def test_what_stands_beside_the_tables_is_refused(project: Project, text: str) -> None:
    """A key at the top that is none, an array of tables, a model that is not a table."""
    write_beta(project, text + ("" if "models" in text else "[b-only]\nsdk = 'acme'\n"))
    problem = project.only()
    assert problem.code in {"unknown-key", "bad-value"}
    assert problem.severity == "error"


def test_a_backend_table_belongs_in_backends_toml(project: Project) -> None:
    """A plugin's file copied into a project says where its `[backend]` table goes."""
    project.add("backends/beta.toml", "\n[backend]\nendpoint = 'x'\n")
    problem = project.only()
    assert (problem.code, problem.key) == ("unknown-key", "backend")
    assert "backends.toml" in problem.message


def test_newer_keys_are_warned_about(project: Project) -> None:
    """Keys of newer releases of the format are left out with the reason, not refused."""
    write_beta(project, "[b-only]\nsdk = 'acme'\nstructure_method = 'x'\n[b-only.rules]\nprompt = 'x'\n")
    problems = project.check()
    assert [(p.severity, p.code, p.key) for p in problems] == [
        ("warning", "newer-key", "b-only.structure_method"),
        ("warning", "newer-key", "b-only.rules"),
    ]
    assert spec_of(project, "b-only").options == {}


def test_a_disabled_backends_file_stops_nothing(project: Project) -> None:
    """Its names are known; what is wrong in it is a warning at most."""
    project.write("backends/off.toml", "[m-off]\nmax_tokens = 'x'\nnonsense = 3\n")
    assert project.check() == ()
    project.write("backends/off.toml", "= no toml")
    assert {problem.severity for problem in project.check()} == {"warning"}


def test_without_a_plugin_a_likely_misspelling_is_a_warning(project: Project) -> None:
    """Unknown keys may be the missing plugin's; one that is nearly a key of every spec is pointed out."""
    project.plugins = discover(entry_points=())
    write_beta(project, "[b-only]\nsdk = 'acme'\nmax_token = 3\nthinking = true\n")
    unknown = [problem for problem in project.check() if problem.code == "unknown-key"]
    assert [(p.severity, p.key, p.suggestion) for p in unknown] == [
        ("warning", "b-only.max_token", "did you mean 'max_tokens'?")
    ]


# ── Price lists within price lists ────────────────────────────────────────────────────────────────────────────────


def test_a_price_list_has_tiers_services_hours_and_changes(project: Project) -> None:
    """What a table says is what the spec holds, exact, each in the unit of the whole; days are dates or strings."""
    write_beta(
        project,
        """
        [m]
        sdk = "acme"
        deprecated_on = 2026-11-30
        retired_on = "2027-01-14"
        successor = "m-2"
        [m.costs]
        input = 5
        input_cache_write_1h = 10.5
        request = 0.01
        output = 30
        tiers = [{ above_input_tokens = 272_000, input = 10, output = 45 }]
        batch = { input = 2.5, output = 15, tiers = [{ above_input_tokens = 272_000, input = 5 }] }
        peak = { input = 6, hours = ["01:00-04:00"], weekdays = [1, 5] }
        changes = [{ from = 2027-01-01, input = 4, flex = { input = 2 } }, { from = "2027-02-01", batch = {} }]
        image_sizes = { "1024x1024" = 0.04 }
        """,
    )
    spec = spec_of(project, "m")
    assert (spec.deprecated_on, spec.retired_on, spec.successor) == ("2026-11-30", "2027-01-14", "m-2")
    assert spec.costs == Costs(
        input=Decimal(5),
        input_cache_write_1h=Decimal("10.5"),
        request=Decimal("0.01"),
        output=Decimal(30),
        tiers=(Costs(above_input_tokens=272_000, input=Decimal(10), output=Decimal(45)),),
        batch=Costs(
            input=Decimal("2.5"),
            output=Decimal(15),
            tiers=(Costs(above_input_tokens=272_000, input=Decimal(5)),),
        ),
        peak=Costs(input=Decimal(6), hours=("01:00-04:00",), weekdays=(1, 5)),
        changes=(
            Costs(from_day="2027-01-01", input=Decimal(4), flex=Costs(input=Decimal(2))),
            Costs(from_day="2027-02-01", batch=Costs()),
        ),
        image_sizes={"1024x1024": Decimal("0.04")},
    )
    assert costs_as_json(spec.costs) == {
        "unit": "million_tokens",
        "input": "5",
        "input_cache_write_1h": "10.5",
        "request": "0.01",
        "output": "30",
        "tiers": [{"above_input_tokens": 272_000, "input": "10", "output": "45"}],
        "batch": {"input": "2.5", "output": "15", "tiers": [{"above_input_tokens": 272_000, "input": "5"}]},
        "peak": {"input": "6", "hours": ["01:00-04:00"], "weekdays": [1, 5]},
        "changes": [{"from": "2027-01-01", "input": "4", "flex": {"input": "2"}}, {"from": "2027-02-01", "batch": {}}],
        "image_sizes": {"1024x1024": "0.04"},
    }


def test_an_older_file_has_tiers_per_thousand_tokens_too(project: Project) -> None:
    """A price of tokens is converted wherever it is; one of a request is not."""
    write_beta(
        project,
        """
        [models.m]
        sdk = "acme"
        costs = { input = 0.005, request = 0.01, tiers = [{ above_input_tokens = 9, input = 0.01 }] }
        """,
    )
    costs = spec_of(project, "m").costs
    assert (costs.input, costs.request, costs.tiers[0].input) == (5, Decimal("0.01"), 10)


@pytest.mark.parametrize(
    "costs, key, message",
    [
        ("tiers = [{ input = 1 }]", "costs.tiers.0", "cannot be a table without it"),
        ("tiers = { above_input_tokens = 1 }", "costs.tiers", "cannot be a table"),
        ("tiers = [{ above_input_tokens = 1, inptu = 1 }]", "costs.tiers.0.inptu", "unknown key 'inptu'"),
        ("tiers = [{ above_input_tokens = -1 }]", "costs.tiers.0.above_input_tokens", "cannot be a whole number"),
        ("batch = { tiers = [{ above_input_tokens = 1, output = -1 }] }", "costs.batch.tiers.0.output", "negative"),
        ("batch = { flex = { input = 1 } }", "costs.batch.flex", "unknown key 'flex'"),
        ("batch = 3", "costs.batch", "cannot be a whole number"),
        ("changes = [{ from = 2027-02-30 }]", None, ""),
        ("changes = [{ from = '2027-02-30' }]", "costs.changes.0.from", "cannot be '2027-02-30'"),
        ("changes = [{ from = 2027-02-01T00:00:00Z }]", "costs.changes.0.from", "cannot be"),
        ("peak = { input = 1 }", "costs.peak", "cannot be a table without it"),
        ("peak = { input = 1, hours = ['25:00-26:00'] }", "costs.peak.hours", "cannot be a list"),
        ("peak = { input = 1, hours = ['01:00-02:00'], weekdays = [0] }", "costs.peak.weekdays", "cannot be a list"),
        ("unit = 'token'", "costs.unit", "cannot be 'token'"),
        ("image_sizes = { big = -1 }", "costs.image_sizes.big", "negative"),
    ],
)
def test_a_wrong_price_list_is_reported_where_it_is_wrong(
    project: Project, costs: str, key: str | None, message: str
) -> None:
    """Every fault has its path, however deep it is."""
    write_beta(project, f"[m]\nsdk = 'acme'\ncosts = {{ {costs} }}")
    problems = [problem for problem in project.check() if problem.severity == "error"]
    if key is None:
        assert [problem.code for problem in problems] == ["bad-toml"]
        return
    (problem,) = problems
    assert (problem.key, message in problem.message) == (f"m.{key}", True)
