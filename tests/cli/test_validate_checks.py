"""What `validate` checks beyond a load: credentials, SDKs, plugins, chains, and a fresh start."""

from __future__ import annotations

from importlib.metadata import EntryPoint, PathDistribution
from typing import TYPE_CHECKING

import pytest

from pipelex_cli.starter import starter_files
from pipelex_cli.validation import Validation
from pipelex_cli.validation.credentials import is_placeholder
from pipelex_core.plugins import discover
from tests.cli.test_validate_kit import backend_plugins
from tests.core.config_project import KEY
from tests.support.projects import write_files

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.valid_project import ValidProject


PLACEHOLDERS = [
    "your-key-here",
    "your_api_key",
    "YOUR-OPENAI-KEY",
    "sk-...",
    "sk-…",
    "sk-your-key",
    "<key>",
    "<YOUR KEY>",
    "{api_key}",
    "{{ key }}",
    "[key]",
    "changeme",
    "change-me",
    "CHANGE_ME",
    "replace_me",
    "xxx",
    "sk-xxxxxxxx",
    "****",
    "todo",
    "insert-your-key",
    "paste_api_key_here",
    "api-key-here",
    "my-api-key",
    "placeholder",
    "https://your-resource.openai.azure.com/",
    "none",
]
REAL = [
    KEY,
    "sk-proj-1dEyourF4XxXx",
    "dummy-openai",
    "ollama",
    "test",
    "https://acme.test/v1",
    "0123456789abcdef",
    "AIzaSyTodoNone",
    "eu-west-1",
    "2024-10-21",
    "",
]


@pytest.mark.parametrize("value", PLACEHOLDERS)
def test_what_is_never_filled_in(value: str) -> None:
    """The words that examples and templates have where a value belongs."""
    assert is_placeholder(value)


@pytest.mark.parametrize("value", REAL)
def test_what_is_a_value(value: str) -> None:
    """Keys, regions and addresses, and the words that servers of one's own get for a key."""
    assert not is_placeholder(value)


def test_a_placeholder_is_told_where_the_variable_has_it(valid: ValidProject) -> None:
    """In `.env` with the line that counts; in the environment, which wins, at the key that needs it."""
    valid.path(".env").write_text("ACME_KEY=sk-...\n\n# again\n\nexport ACME_KEY='your-key-here'\n")
    (problem,) = valid.report().problems
    assert (problem.code, problem.file, problem.line) == ("placeholder-value", str(valid.path(".env")), 5)
    valid.environ["ACME_KEY"] = "changeme"
    (problem,) = valid.report().problems
    assert (problem.file, problem.key) == (str(valid.path("backends.toml")), "acme.api_key")
    assert "in the environment" in problem.message


def test_a_server_of_ones_own_may_have_any_key(valid: ValidProject) -> None:
    """Nothing on this machine refuses it."""
    valid.replace("backends.toml", "https://acme.test/v1", "http://localhost:11434/v1")
    valid.path(".env").write_text("ACME_KEY=your-key-here\n")
    assert valid.report().problems == ()


def test_a_variable_is_looked_for_where_the_message_says(valid: ValidProject) -> None:
    """Which variable, which file, which backends need it."""
    valid.path(".env").write_text("OTHER=1\n")
    (problem,) = valid.report().problems
    assert problem.code == "missing-variable"
    assert f"ACME_KEY is not set or empty (the environment and {valid.path('.env')})" in problem.message
    assert "backend 'acme'" in problem.message
    valid.path(".env").unlink()
    (problem,) = valid.report().problems
    assert f"(the environment; there is no {valid.path('.env')})" in problem.message


def declaring(root: Path, needs: str) -> EntryPoint:
    """The entry point of a plugin, installed below a folder, that declares what it needs."""
    metadata = root / "site" / "acme_plugin-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: acme-plugin\nVersion: 1.0\n{needs}")
    point = EntryPoint("acme", "tools.docs.acme_plugin", "pipelex_core.plugins")
    vars(point)["dist"] = PathDistribution(metadata)
    return point


@pytest.mark.parametrize(
    ("needs", "reported"),
    [
        ("Requires-Dist: attrs>=1\n", None),
        ("Requires-Dist: attrs<2\n", "is made for attrs<2"),
        ("Requires-Dist: no-such-sdk>=1\n", "needs no-such-sdk, which is not installed"),
        ('Requires-Dist: no-such-sdk>=1; extra == "more"\n', None),
        ('Requires-Dist: no-such-sdk>=1; python_version < "3"\n', None),
        ("Requires-Dist: !!! nonsense\n", None),
        ("", None),
    ],
)
def test_the_sdk_must_be_what_the_plugin_was_made_for(
    valid: ValidProject, monkeypatch: pytest.MonkeyPatch, needs: str, reported: str | None
) -> None:
    """A release outside its range, or none, with the command that mends it; other environments' needs do not count."""
    monkeypatch.syspath_prepend(str(valid.root / "site"))
    valid.plugins = discover(entry_points=[declaring(valid.root, needs)])
    problems = valid.report().problems
    assert [problem.code for problem in problems] == (["sdk-version"] if reported else [])
    for problem in problems:
        assert reported is not None
        assert reported in problem.message
        assert (problem.suggestion or "").startswith("run: pip install '")


def test_the_installed_plugins_have_their_sdks() -> None:
    """Each first-party plugin in use finds what it declares."""
    from tests.testing.test_kit import KIT, variables

    if not (KIT / "expected.json").is_file():
        pytest.skip("there is no kit")
    report = Validation(config=KIT / "all_enabled", environ=variables(), plugins=discover()).report()
    assert not [problem for problem in report.problems if problem.code == "sdk-version"]


def test_a_quarantined_plugin_is_one_finding(valid: ValidProject) -> None:
    """Its models are unavailable because of that; it is not told for each of them."""
    broken = EntryPoint("broken", "no_such_module_anywhere", "pipelex_core.plugins")
    valid.plugins = discover(entry_points=[broken], extra=[])
    codes = [problem.code for problem in valid.report().problems]
    assert codes == [
        "plugin-quarantined",
        "plugin-missing",
    ]  # two causes: the sdk is nobody's, and that plugin is broken


def test_a_fresh_start_without_a_key_is_one_finding(tmp_path: Path) -> None:
    """What `pipelex init` writes: no error, and one help that names the variables to choose from."""
    plugins = backend_plugins()
    write_files(tmp_path, starter_files(plugins, {}))
    report = Validation(tmp_path, environ={"HOME": str(tmp_path)}, plugins=plugins).report()
    (problem,) = report.problems
    assert (problem.severity, problem.code) == ("warning", "no-available-model")
    assert problem.message.startswith("no backend has a key: ")
    assert (problem.suggestion or "").startswith("set one of ")
    assert "OPENAI_API_KEY" in (problem.suggestion or "")
    assert (problem.file or "").endswith("backends.toml")


def test_a_nested_chain_is_mixed_once(valid: ValidProject) -> None:
    """Where the kinds meet, not in every alias above."""
    valid.write(
        "deck/z.toml",
        'aliases.inner = ["m-one", "painter"]\naliases.outer = ["inner", "m-two"]\naliases.top = "outer"\n',
    )
    (problem,) = valid.report().problems
    assert (problem.code, problem.key) == ("mixed-chain", "aliases.inner.1")


def test_a_limit_that_a_plugin_knows_is_no_contradiction_of_the_project(valid: ValidProject) -> None:
    """The plugin's context window and the project's max_tokens were written by different people."""
    valid.ship("acme", "[m-one]\ncontext_window = 100\n")
    assert valid.report().problems == ()


def test_many_handles_without_a_model_by_one_pattern_are_one_finding(valid: ValidProject) -> None:
    """At the pattern."""
    valid.replace("routing_profiles.toml", '"b-*" = "beta"', '"b-*" = "acme"')
    valid.write("deck/z.toml", 'aliases.x = "b-only"\naliases.y = ["b-only"]\n')
    (problem,) = valid.report().problems
    assert (problem.code, problem.key) == ("no-available-model", 'profiles.main.routes."b-*"')
    assert "alias 'x', alias 'y' lead to no model" in problem.message
    assert "offered by 'beta'" in (problem.suggestion or "")
