"""backends.toml: what a table may hold, and the backends that plugins bring along."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipelex_core import config
from pipelex_core.errors import ModelsManagerError
from pipelex_core.execution.redaction import redacted
from pipelex_core.plugins import discover
from tests.core.config_project import KEY, Acme, Project

if TYPE_CHECKING:
    from pathlib import Path

    from pipelex_core.config import LoadedConfig


def test_a_table_becomes_a_config(project: Project) -> None:
    """The common keys, with defaults, and the rest as options; the key is a secret."""
    acme, beta = project.load().deck.backends.values()
    assert (acme.name, acme.display_name, acme.endpoint) == ("acme", "Acme", "https://acme.test/v1")
    assert acme.api_key is not None
    assert acme.api_key.reveal() == KEY
    assert acme.options == {"region": "eu"}
    assert (acme.source.file, acme.source.key) == (str(project.folder / "backends.toml"), ("acme",))
    assert (beta.display_name, beta.endpoint, beta.api_key, beta.options) == ("beta", None, None, {})


@pytest.mark.parametrize(
    ("token", "variables"), [("entra-token-0123", {}), ("${TOKEN}", {"TOKEN": "entra-token-0123"})]
)
def test_an_option_may_replace_the_key_that_a_plugin_asks_for(
    tmp_path: Path, token: str, variables: dict[str, str]
) -> None:
    """Azure's token alone is enough: the plugin's own default for `api_key` counts where the option has no value."""
    import pipelex_backend_openai

    folder = tmp_path / ".pipelex" / "inference"
    (folder / "deck").mkdir(parents=True)
    (folder / "routing_profiles.toml").write_text('active = "a"\n[profiles.a]\ndefault = "azure_openai"\n')
    (folder / "deck" / "base_deck.toml").write_text('[llm.presets.talk]\nmodel = "gpt-4o"\n')
    table = '[azure_openai]\nendpoint = "https://mine.openai.azure.com"\n'
    plugins = discover(entry_points=(), extra=[pipelex_backend_openai])

    def load(option: str) -> LoadedConfig:
        (folder / "backends.toml").write_text(f"{table}{option}\n")
        return config.load(tmp_path, environ=variables, plugins=plugins, strict=False)

    assert load(f'azure_ad_token = "{token}"').deck.models["gpt-4o"].available
    for option in ("", 'azure_ad_token = ""'):
        assert "needs AZURE_API_KEY" in str(load(option).deck.models["gpt-4o"].reason)


def test_what_variables_give_to_a_models_tables_may_be_secret(tmp_path: Path) -> None:
    """A token in fal's `arguments` is taken out of errors, logs and recordings like a key."""
    import pipelex_backend_fal

    folder = tmp_path / ".pipelex" / "inference"
    (folder / "deck").mkdir(parents=True)
    (folder / "backends").mkdir()
    (folder / "routing_profiles.toml").write_text('active = "a"\n[profiles.a]\ndefault = "fal"\n')
    (folder / "deck" / "base_deck.toml").write_text('[img_gen.presets.paint]\nmodel = "mine"\n')
    (folder / "backends.toml").write_text('[fal]\napi_key = "fal-key-0123"\n')
    model = '[mine]\nsdk = "fal"\nmodel_id = "me/mine"\narguments = { token = "${TOKEN}" }\n'
    (folder / "backends" / "fal.toml").write_text(model)
    plugins = discover(entry_points=(), extra=[pipelex_backend_fal])
    environ = {"TOKEN": "token-canary-0123"}
    loaded = config.load(tmp_path, environ=environ, plugins=plugins).deck.backends["fal"]
    assert redacted("with token-canary-0123", loaded) == "with ***"


def test_a_disabled_backend_is_not_looked_into(project: Project) -> None:
    """Neither its variables nor its options are evaluated; its models are known, and unavailable."""
    project.replace("backends.toml", 'api_key = "${OFF_KEY}"', 'api_key = "${vault:X}"\nwhatever = { a = "${Y}" }')
    loaded = project.load()
    assert loaded.warnings == ()
    assert loaded.disabled["off"].reason == "is disabled in backends.toml"
    assert loaded.disabled["off"].models == ("m-off",)
    entry = loaded.deck.models["m-off"]
    assert (entry.available, entry.spec, entry.offered_by) == (False, None, ())
    assert "'off', which is disabled in backends.toml" in (entry.reason or "")


def test_a_fault_in_a_disabled_backends_table_stops_nothing(project: Project) -> None:
    """It is a warning until someone turns the backend on."""
    project.replace("backends.toml", 'api_key = "${OFF_KEY}"', "endpoint = 3")
    problem = project.only()
    assert (problem.severity, problem.code, problem.key) == ("warning", "bad-value", "off.endpoint")
    project.replace("backends.toml", "enabled = false", "enabled = true")
    assert project.only().severity == "error"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("enabled = 1", "true or false"),
        ('enabled = "true"', "true or false"),
        ("display_name = 3", "a string"),
        ("endpoint = ['x']", "a string"),
        ("api_key = 12345678", "a string"),
        ("limit = '3'", "a whole number"),
        ("limit = 3.0", "a whole number"),
        ("limit = true", "a whole number"),
        ("ratio = 'x'", "a number"),
        ("verbose = 1", "true or false"),
        ("tags = 'a'", "a list"),
        ("extra = []", "a table"),
        ("second_key = 1", "a string"),
    ],
)
def test_values_are_strictly_typed(project: Project, line: str, expected: str) -> None:
    """No number for a string, no string for a number, no 1 for true; the value itself is not shown, its place is."""
    project.replace("backends.toml", "[beta]", f"[beta]\n{line}")
    problem = project.only()
    assert (problem.code, problem.expected) == ("bad-value", expected)
    assert problem.key == f"beta.{line.split(' ', maxsplit=1)[0]}"
    assert (problem.line, problem.column) == (
        project.line_of("backends.toml", line),
        line.index("=") + 3,
    )
    assert "12345678" not in str(problem)


def test_right_options_reach_the_plugin(project: Project) -> None:
    """Each kind of option arrives as it was written, a secret as a `Secret`."""
    options = "limit = 3\nratio = 2\nverbose = false\ntags = ['a']\nextra = { a = '${ACME_KEY}' }\nsecond_key = 'abc'"
    project.replace("backends.toml", "[beta]", f"[beta]\n{options}")
    provided = dict(project.load().deck.backends["beta"].options)
    assert provided.pop("second_key").reveal() == "abc"
    assert provided == {"limit": 3, "ratio": 2, "verbose": False, "tags": ["a"], "extra": {"a": KEY}}


@pytest.mark.parametrize(
    ("line", "hidden"),
    [
        ('extra = { a = "Token ${OTHER_KEY}" }', ["other-canary"]),
        ('endpoint = "https://gate.test/v1?sig=${OTHER_KEY}"', ["other-canary"]),
        ('endpoint = "https://me:${OTHER_KEY}@gate.test/v1"', ["other-canary"]),
        ('endpoint = "${ADDRESS}"', ["gates-canary"]),
        ('endpoint = "https://${HOST}/v1"', []),
        ('region = "${REGION}"', []),
        ('extra = { a = "as it is" }', []),
    ],
)
def test_what_variables_give_beside_the_key_is_known_for_a_secret(
    project: Project, line: str, hidden: list[str]
) -> None:
    """In a table such as `headers`, and in the user or query of an address; not a host, nor another string."""
    project.replace("backends.toml", "[beta]", f"[beta]\n{line}")
    project.environ |= {"OTHER_KEY": "other-canary", "ADDRESS": "https://me:gates-canary@gate.test/v1"}
    project.environ |= {"HOST": "gate.test", "REGION": "eu"}
    config = project.load().deck.backends["beta"]
    assert [secret.reveal() for secret in config.hidden] == hidden
    assert "canary" not in repr(config)


def test_an_unknown_option_is_an_error_with_the_nearest_name(project: Project) -> None:
    """What no plugin of the backend's models declares is refused."""
    project.replace("backends.toml", "[beta]", "[beta]\nregoin = 'eu'")
    problem = project.only()
    assert (problem.code, problem.key, problem.suggestion) == ("unknown-key", "beta.regoin", "did you mean 'region'?")
    assert "api_key" in (problem.expected or "")
    project.replace("backends.toml", "regoin", "endpiont")
    assert project.only().suggestion == "did you mean 'endpoint'?"


def test_an_option_may_have_few_values(project: Project) -> None:
    """A value that is none of an option's choices is refused."""
    project.replace("backends.toml", 'region = "eu"', 'region = "eus"')
    problem = project.only()
    assert (problem.code, problem.expected) == ("bad-value", "one of eu, us")


def test_without_a_plugin_options_are_not_checked(project: Project) -> None:
    """Nobody can say what is right: the models are unavailable, and that is a warning."""
    project.plugins = discover(entry_points=())
    for name in ("acme", "beta"):
        project.replace(f"backends/{name}.toml", 'sdk = "acme"', 'sdk = "mistral"')
    project.replace("backends.toml", "[beta]", "[beta]\nregoin = 'eu'")
    problems = project.check()
    assert {(problem.severity, problem.code) for problem in problems} == {("warning", "plugin-missing")}
    entry = project.load().deck.models["m-one"]
    assert entry.spec is not None
    assert not entry.available
    assert "no installed plugin serves sdk 'mistral'" in (entry.reason or "")


def test_a_required_option_must_be_there(project: Project) -> None:
    """An option the plugin cannot do without is an error where it is missing."""
    from pipelex_core.backend import BackendFactory, Option
    from pipelex_core.hookspecs import hookimpl

    class Needy:
        @hookimpl
        def pipelex_backends(self) -> dict[str, BackendFactory]:
            return {"acme": BackendFactory(lambda _: None, options=(Option(name="region", required=True),))}  # type: ignore[arg-type,return-value]  # never called

    project.plugins = discover(entry_points=(), extra=[Needy()])
    problem = project.only()
    assert (problem.code, problem.key) == ("missing-key", "beta")
    assert "'region'" in problem.message


def test_a_plugin_may_require_a_key(project: Project) -> None:
    """Without one the backend is an error; without `strict` it is off."""
    project.plugins = discover(entry_points=(), extra=[Acme(requires_key=True)])
    problem = project.only()
    assert (problem.code, problem.key) == ("missing-key", "beta")
    loaded = project.load(strict=False)
    assert "no api_key" in loaded.disabled["beta"].reason


@pytest.mark.parametrize("text", ["beta = 3", "beta = ['x']", "beta = 'x'"])
def test_a_backend_is_a_table(project: Project, text: str) -> None:
    """Anything else at the top of backends.toml is refused."""
    file = project.folder / "backends.toml"
    project.write("backends.toml", text + "\n" + file.read_text().replace("[beta]\n", ""))
    problem = project.only()
    assert (problem.code, problem.key, problem.expected) == ("bad-value", "beta", "[beta]")


def test_an_enabled_backend_without_models_is_an_error(project: Project) -> None:
    """No file and no plugin that ships models; without `strict` it is a warning."""
    project.add("backends.toml", "\n[gamma]\n")
    problem = project.only()
    assert (problem.code, problem.severity, problem.key) == ("missing-file", "error", "gamma")
    assert "backends/gamma.toml" in (problem.suggestion or "")
    assert [p.severity for p in project.check(strict=False)] == ["warning"]


def test_a_file_of_models_without_a_backend_stops_nothing(project: Project) -> None:
    """Its models are known names, unavailable with that reason, and there is a warning, with the nearest backend."""
    project.write("backends/btea.toml", '[m-new]\nsdk = "acme"\n')
    problem = project.only()
    assert (problem.severity, problem.code) == ("warning", "orphan-file")
    assert problem.suggestion == "did you mean 'beta'?"
    entry = project.load().deck.models["m-new"]
    assert "'btea', which has no table in backends.toml" in (entry.reason or "")


# ── Backends that plugins bring along ────────────────────────────────────────────────────────────────────────────

SHIPPED = """
    [backend]
    display_name = "Gamma Inc."
    endpoint = "https://gamma.test"
    api_key = "${GAMMA_KEY}"
    region = "us"

    [defaults]
    sdk = "acme"

    [g-one]
"""


def test_installing_a_plugin_is_enough_to_use_its_models(project: Project) -> None:
    """A backend that only a plugin declares comes after the file's, and is on where its variables have values."""
    project.ship("gamma", SHIPPED)
    loaded = project.load(environ={**project.environ, "GAMMA_KEY": "sk-gamma"})
    assert list(loaded.deck.backends) == ["acme", "beta", "gamma"]
    gamma = loaded.deck.backends["gamma"]
    assert (gamma.display_name, gamma.endpoint, gamma.options) == ("Gamma Inc.", "https://gamma.test", {"region": "us"})
    assert gamma.api_key_variable == "GAMMA_KEY"
    assert gamma.source.plugin == "plugin-acme"
    assert loaded.deck.resolve("g-one").chain[0].available


def test_a_plugins_backend_without_its_variables_is_off_and_says_so(project: Project) -> None:
    """Nobody asked for it: it is no problem, and its models say what to set."""
    project.ship("gamma", SHIPPED)
    loaded = project.load()
    assert loaded.warnings == ()
    off = loaded.disabled["gamma"]
    assert (off.reason, off.help, off.explicit) == ("needs GAMMA_KEY, which is not set", "set GAMMA_KEY", False)
    assert "needs GAMMA_KEY" in (loaded.deck.models["g-one"].reason or "")


def test_a_plugin_may_ship_a_backend_that_is_off(project: Project) -> None:
    """`enabled = false` in its table; a table in backends.toml turns it on."""
    project.ship("gamma", SHIPPED.replace("[backend]", "[backend]\n    enabled = false"))
    environ = {**project.environ, "GAMMA_KEY": "sk-gamma"}
    assert "gamma" in project.load(environ=environ).disabled
    project.add("backends.toml", "\n[gamma]\n")
    assert "gamma" in project.load(environ=environ).deck.backends


def test_an_explicit_table_wins_key_by_key(project: Project) -> None:
    """What backends.toml says counts; what it leaves out comes from the plugin."""
    project.ship("gamma", SHIPPED)
    project.add("backends.toml", "\n[gamma]\nendpoint = 'https://mine.test'\n")
    gamma = project.load(environ={**project.environ, "GAMMA_KEY": "sk-gamma"}).deck.backends["gamma"]
    assert (gamma.endpoint, gamma.display_name) == ("https://mine.test", "Gamma Inc.")
    assert gamma.api_key_variable == "GAMMA_KEY"


def test_an_explicit_backend_lacks_the_variables_of_its_plugins_table_too(project: Project) -> None:
    """An enabled backend whose key the plugin's default names is an error at its own table."""
    project.ship("gamma", SHIPPED)
    project.add("backends.toml", "\n[gamma]\n")
    problem = project.only()
    assert (problem.severity, problem.code, problem.key) == ("error", "missing-variable", "gamma")
    with pytest.raises(ModelsManagerError):
        project.load()


def test_an_explicitly_disabled_backend_stays_off(project: Project) -> None:
    """A plugin does not turn on what the project turned off."""
    project.ship("gamma", SHIPPED)
    project.add("backends.toml", "\n[gamma]\nenabled = false\n")
    loaded = project.load(environ={**project.environ, "GAMMA_KEY": "sk-gamma"})
    assert loaded.disabled["gamma"].reason == "is disabled in backends.toml"


def test_a_gateway_without_a_plugin_of_its_own(project: Project) -> None:
    """A name no plugin ships, an installed sdk, an endpoint, a file of models: no code."""
    project.add("backends.toml", "\n[gateway]\nendpoint = 'https://gateway.corp/v1'\napi_key = 'k'\n")
    project.write("backends/gateway.toml", '["corp/model"]\nsdk = "acme"\n')
    member = project.load().deck.resolve("corp/model").chain[0]
    assert member.available
    assert member.spec is not None
    assert member.spec.backend == "gateway"


def test_a_quarantined_plugin_is_a_warning(project: Project) -> None:
    """It stands in the problems with its reason, and its models say the same."""

    class Broken:
        @__import__("pluggy").HookimplMarker("pipelex")  # type: ignore[untyped-decorator]  # a hook that does not exist
        def pipelex_backend(self) -> None: ...

    project.plugins = discover(entry_points=(), extra=[Acme(), Broken()])
    problem = project.only()
    assert (problem.severity, problem.code) == ("warning", "plugin-quarantined")
    assert "did you mean 'pipelex_backends'?" in problem.message


@pytest.mark.parametrize(
    "text", ["= broken", "backend = 3\n", "[backend]\nenabled = 'yes'\n", "[backend]\n[g-one]\nsdk = 3\n"]
)
def test_a_fault_in_a_plugins_file_stops_nothing(project: Project, text: str) -> None:
    """It is not the user's to mend: a warning that names the plugin, and the rest goes on."""
    project.ship("gamma", text)
    problem = project.only()
    assert problem.severity == "warning"
    assert (problem.file or "").startswith("plugin-acme")
    assert project.load().deck.resolve("m-one").chain[0].available


def test_newer_keys_are_warned_about(project: Project) -> None:
    """Keys of newer releases of the format are left out with the reason, not refused."""
    project.replace("backends.toml", "[beta]", "[beta]\nmodel_specs_section = 'x'")
    problem = project.only()
    assert (problem.severity, problem.code, problem.key) == ("warning", "newer-key", "beta.model_specs_section")
