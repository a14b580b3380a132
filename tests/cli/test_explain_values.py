"""`explain` says of every value where it was written, and of every unavailable model what would make it available."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipelex_cli.explained_json import explanation_as_json
from pipelex_cli.explaining import explain
from tests.core.config_project import KEY, Project


def explained(project: Project, handle: str, capability: str = "llm", **how: Any) -> dict[str, Any]:
    """The JSON of a handle, which holds no key."""
    loaded = project.load(strict=False, **how)
    reported = explanation_as_json(
        explain(handle, capability, deck=loaded.deck, plugins=project.plugins, config=loaded)
    )
    assert KEY not in json.dumps(reported)
    return reported


def at(project: Project, name: str, text: str) -> str:
    return f"{project.folder / name}:{project.line_of(name, text)}"


def test_every_value_has_the_line_it_was_written_on(project: Project) -> None:
    """Setting, alias, route, backend, endpoint, key, option, spec, price and its date."""
    project.replace("backends/acme.toml", "max_tokens = 4096", 'max_tokens = 4096\nas_of = "2026-08-01"')
    reported = explained(project, "quick")
    deck, backends, specs = "deck/base.toml", "backends.toml", "backends/acme.toml"
    assert [step["source"] for step in reported["steps"]] == [
        at(project, deck, "quick = {"),
        at(project, deck, 'best = "m-one"'),
        None,
    ]
    assert reported["origins"] == {"temperature": at(project, deck, "quick = {")}
    (member,) = reported["chain"]
    assert member["sent_settings"] == {"temperature": {"value": 0.5, "source": at(project, deck, "quick = {")}}
    assert member["route"]["source"] == at(project, "routing_profiles.toml", 'default = "acme"')
    assert member["backend_values"] == {
        "name": {"value": "acme", "source": at(project, backends, "[acme]")},
        "display_name": {"value": "Acme", "source": at(project, backends, '"Acme"')},
        "endpoint": {"value": "https://acme.test/v1", "source": at(project, backends, "https://acme")},
        "api_key": {"value": "ACME_KEY", "source": at(project, backends, "ACME_KEY")},
        "region": {"value": "eu", "source": at(project, backends, "region")},
    }
    assert member["spec_values"] == {
        "sdk": {"value": "acme", "source": at(project, specs, 'sdk = "acme"')},
        "model_id": {"value": "acme-one", "source": at(project, specs, "acme-one")},
        "model_type": {"value": "llm", "source": None},
        "inputs": {"value": ["images", "text"], "source": at(project, specs, "inputs")},
        "outputs": {"value": ["structured", "text"], "source": at(project, specs, 'outputs = ["text", "structured"]')},
        "max_tokens": {"value": 4096, "source": at(project, specs, "max_tokens")},
    }
    assert member["prices"] == {
        "input": {"value": "2.5", "source": at(project, specs, "costs")},
        "output": {"value": "10", "source": at(project, specs, "costs")},
    }
    assert (member["as_of"], reported["as_of"]) == ("2026-08-01", "2026-08-01")
    assert list(reported)[-6:-3] == ["as_of", "profile", "on_unsupported_setting"]


def test_a_shipped_value_names_its_plugin(project: Project) -> None:
    """Beside values of the project."""
    project.ship("acme", '[defaults]\nsdk = "acme"\n[m-two]\nmax_tokens = 77\ncontext_window = 999\n')
    project.replace("backends/acme.toml", "[m-two]", "[m-two]\nmax_tokens = 55")
    values = explained(project, "m-two")["chain"][0]["spec_values"]
    assert values["max_tokens"] == {"value": 55, "source": at(project, "backends/acme.toml", "max_tokens = 55")}
    assert values["context_window"] == {"value": 999, "source": "plugin-acme"}


def test_a_date_says_nothing_of_the_prices_of_another_file(project: Project) -> None:
    """Whoever overrides a plugin's prices does not inherit their date."""
    project.ship("acme", '[m-one]\nsdk = "acme"\ncosts = { input = 1, output = 1 }\nas_of = "2020-01-01"\n')
    assert explained(project, "m-one")["as_of"] is None
    project.replace("backends/acme.toml", "costs = { input = 2.5, output = 10 }", "")
    assert explained(project, "m-one")["as_of"] == "2020-01-01"


def test_the_settings_of_aliases_in_a_chain_have_their_place(project: Project) -> None:
    """Each member those of the alias that leads to it; a preset's own win."""
    project.replace("deck/base.toml", 'best = "m-one"', 'best = { model = "m-one", temperature = 0.25, seed = 3 }')
    project.replace("deck/base.toml", '"m-two", "m-one"', '"m-two", "best"')
    project.add("deck/base.toml", '[llm.presets.over]\nmodel = "chain"\nseed = 4\n')
    reported = explained(project, "over")
    first, second = reported["chain"]
    assert first["sent_settings"] == {"seed": {"value": 4, "source": at(project, "deck/base.toml", "seed = 4")}}
    assert second["sent_settings"] == {
        "temperature": {"value": 0.25, "source": at(project, "deck/base.toml", "best =")},
        "seed": {"value": 4, "source": at(project, "deck/base.toml", "seed = 4")},
    }


def test_the_rules_that_were_beaten_say_why(project: Project) -> None:
    """A later pattern, a pattern beside an exact route, an optional route that is off, the default."""
    project.write(
        "routing_profiles.toml",
        """
        active = "main"

        [profiles.main]
        default = "beta"

        [profiles.main.routes]
        "m-*" = "acme"
        "*two" = "beta"
        "m-two" = "acme"

        [profiles.main.optional_routes]
        "*-two" = "off"
        """,
    )
    assert [(rule["pattern"], rule["backend"], rule["why"]) for rule in rules(project, "m-two")] == [
        ("m-*", "acme", "an exact route comes before patterns"),
        ("*two", "beta", "an exact route comes before patterns"),
        ("*-two", "off", "it is optional, and its backend is off"),
        (None, "beta", "it is for what no route fits"),
    ]
    project.replace("routing_profiles.toml", '"m-two" = "acme"\n', "")
    assert [(rule["pattern"], rule["why"]) for rule in rules(project, "m-two")] == [
        ("*two", "it comes later"),
        ("*-two", "it is optional, and its backend is off"),
        (None, "it is for what no route fits"),
    ]
    assert rules(project, "m-two")[0]["source"] == at(project, "routing_profiles.toml", '"*two"')
    project.replace("routing_profiles.toml", 'default = "beta"', 'default = "off"\nfallback_order = ["acme"]')
    assert [(rule["pattern"], rule["why"]) for rule in rules(project, "strict")] == [
        (None, "its backend does not offer the model")
    ]
    assert rules(project, "strict")[0]["source"] == at(project, "routing_profiles.toml", 'default = "off"')
    route = explained(project, "strict")["chain"][0]["route"]
    assert (route["rule"], route["source"]) == ("fallback", at(project, "routing_profiles.toml", "fallback_order"))


def rules(project: Project, handle: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = explained(project, handle)["chain"][0]["beaten_rules"]
    return found


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://me:${ACME_KEY}@acme.test/v1",
        "https://acme.test/${ACME_KEY}/v1",
        "https://acme.test/v1?api_key=other-secret-77&x=1",
        "https://user:other-secret-77@acme.test/v1",
    ],
)
def test_an_endpoint_is_shown_without_what_is_secret_in_it(project: Project, endpoint: str) -> None:
    """The key, wherever it stands; passwords; parameters named like keys."""
    project.replace("backends.toml", "https://acme.test/v1", endpoint)
    reported = explained(project, "m-one")
    assert "***" in reported["endpoint"]
    assert "acme.test" in reported["endpoint"]
    assert "other-secret-77" not in json.dumps(reported)


def test_secret_options_are_named_and_not_shown(project: Project) -> None:
    """Of the kind `secret`, and tables; a variable in another one is not filled in."""
    project.replace(
        "backends.toml",
        'region = "eu"',
        'region = "${REGION}"\nsecond_key = "other-secret-77"\nextra = { a = "other-secret-78" }\nlimit = 3',
    )
    project.environ["REGION"] = "us"
    values = explained(project, "m-one")["chain"][0]["backend_values"]
    assert {name: values[name]["value"] for name in ("region", "second_key", "extra", "limit")} == {
        "region": "${REGION}",
        "second_key": "***",
        "extra": "***",
        "limit": 3,
    }


# ── What would make it available: each remedy is followed, and the model is available then ───────────────────────


def remedies(project: Project, handle: str, capability: str = "llm") -> list[str]:
    member = explained(project, handle, capability)["chain"][0]
    assert not member["available"]
    found: list[str] = member["remedies"]
    assert found
    return found


def is_available(project: Project, handle: str) -> bool:
    return bool(explained(project, handle)["chain"][0]["available"])


def test_a_missing_variable_is_to_be_set_in_the_env_file(project: Project) -> None:
    """Which, and where."""
    del project.environ["ACME_KEY"]
    assert remedies(project, "m-one") == [f"backend 'acme': set ACME_KEY in {project.root / '.env'}"]
    (project.root / ".env").write_text(f"ACME_KEY={KEY}\n")
    assert is_available(project, "m-one")


def test_a_disabled_backend_is_to_be_enabled_at_its_line(project: Project) -> None:
    """With the variable of its key."""
    place = at(project, "backends.toml", "[off]")
    assert remedies(project, "m-off") == [f"backend 'off': set enabled = true for 'off' at {place} (its key: OFF_KEY)"]
    project.replace("backends.toml", "enabled = false", "enabled = true")
    project.environ["OFF_KEY"] = "sk-off-123456"
    assert is_available(project, "m-off")


def test_a_route_to_a_backend_that_is_off_can_be_led_elsewhere(project: Project) -> None:
    """Either the backend is switched on, or an exact route wins; and the model that it lacks would have to be written."""
    project.write(
        "routing_profiles.toml",
        'active = "main"\n[profiles.main]\ndefault = "acme"\n[profiles.main.routes]\n"m-t*" = "off"\n',
    )
    enable, reroute = remedies(project, "m-two")
    assert enable.endswith(f"and write the model 'm-two' in {project.folder / 'backends/off.toml'}")
    assert reroute == (
        f'route: write "m-two" = "acme" in [profiles.main.routes] of {project.folder / "routing_profiles.toml"}'
    )
    project.add("routing_profiles.toml", '"m-two" = "acme"\n')
    assert is_available(project, "m-two")


def test_a_model_that_no_route_fits_wants_a_route(project: Project) -> None:
    """In a profile without a default."""
    project.write("routing_profiles.toml", 'active = "main"\n[profiles.main.routes]\n"strict" = "acme"\n')
    (reroute,) = remedies(project, "m-one")
    assert reroute.startswith('route: write "m-one" = "acme" in [profiles.main.routes]')
    project.add("routing_profiles.toml", '"m-one" = "acme"\n')
    assert is_available(project, "m-one")


def test_a_model_that_is_switched_off_is_to_be_switched_on(project: Project) -> None:
    """At the line that says so."""
    project.replace("backends/acme.toml", "max_tokens = 4096", "enabled = false")
    place = at(project, "backends/acme.toml", "enabled = false")
    assert remedies(project, "m-one") == [f"backend 'acme': set enabled = true for 'm-one' at {place}"]
    project.replace("backends/acme.toml", "enabled = false", "enabled = true")
    assert is_available(project, "m-one")


def test_a_model_that_lacks_a_variable_of_its_own_names_it(project: Project) -> None:
    """And the file to write it in."""
    project.replace("backends/acme.toml", "acme-one", "${DEPLOYMENT}")
    assert remedies(project, "m-one") == [f"backend 'acme': set DEPLOYMENT in {project.root / '.env'}"]
    project.environ["DEPLOYMENT"] = "d"
    assert is_available(project, "m-one")


@pytest.mark.parametrize(
    "sdk,remedy",
    [
        ("openai", "pip install pipelex-backend-openai"),
    ],
)
def test_a_plugin_that_is_missing_is_to_be_installed(project: Project, sdk: str, remedy: str) -> None:
    """By its command, where this project knows it."""
    project.replace("backends/acme.toml", '[defaults]\nsdk = "acme"', f'[defaults]\nsdk = "{sdk}"')
    assert remedies(project, "m-one") == [remedy]


def test_a_model_for_something_else_wants_another_model(project: Project) -> None:
    """An image generator in a chain of text models."""
    project.replace("deck/base.toml", '"m-two", "m-one"', '"painter", "m-one"')
    assert remedies(project, "chain") == ["name a model for text in its place"]
