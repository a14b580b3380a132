"""Limits in backends.toml and model specs, and where processes share them."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError

import pipelex_limits_redis
import pytest

from pipelex_core.errors import ConfigError
from pipelex_core.first_party import brought
from pipelex_core.plugins import discover
from pipelex_core.specs import Limits, Secret
from tests.core.config_project import Acme, Project
from tests.support.scripted import plugin

KEYS = ("max_concurrency", "requests_per_minute", "tokens_per_minute")
URL = "redis://:hunter2-hunter2@localhost:6379/3"


def top(project: Project, line: str) -> None:
    """Put a line before the tables of backends.toml."""
    project.replace("backends.toml", "[acme]", f"{line}\n[acme]")


def test_limits_of_a_backend_and_of_a_model(project: Project) -> None:
    """Both tables may have them; those of a backend are no options of its plugin."""
    project.replace("backends.toml", 'region = "eu"', 'region = "eu"\nmax_concurrency = 8\ntokens_per_minute = 90000')
    project.replace("backends/acme.toml", "[m-two]", "[m-two]\nrequests_per_minute = 60")
    deck = project.load().deck
    assert deck.backends["acme"].limits == Limits(max_concurrency=8, tokens_per_minute=90000)
    assert deck.backends["acme"].options == {"region": "eu"}
    assert deck.backends["beta"].limits is None
    specs = {name: entry.spec for name, entry in deck.models.items()}
    assert specs["m-two"] is not None
    assert specs["m-two"].limits == Limits(requests_per_minute=60)
    assert specs["m-one"] is not None
    assert specs["m-one"].limits is None


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("value", ["0", "-1", "1.5", '"8"', "true"])
@pytest.mark.parametrize(
    "place",
    [("backends.toml", 'region = "eu"', "acme"), ("backends/acme.toml", "[m-two]", "m-two")],
)
def test_a_limit_is_a_whole_number_above_0(project: Project, key: str, value: str, place: tuple[str, str, str]) -> None:
    """Anything else is told with its place."""
    file, anchor, path = place
    project.replace(file, anchor, f"{anchor}\n{key} = {value}")
    problem = project.only()
    assert (problem.code, problem.key) == ("bad-value", f"{path}.{key}")
    assert problem.expected == "a whole number of at least 1"
    assert problem.line is not None


def test_a_misspelt_limit(project: Project) -> None:
    """It is an unknown key, and the right one is named."""
    project.replace("backends.toml", 'region = "eu"', 'region = "eu"\nrequest_per_minute = 3')
    assert "requests_per_minute" in (project.only().suggestion or "")


def test_the_address_is_filled_in_and_secret(project: Project) -> None:
    """`limits_url` stands before the tables; it may hold a password, so it prints as `***`."""
    top(project, 'limits_url = "redis://:${REDIS_PASSWORD}@localhost:6379/3"')
    project.plugins = discover(entry_points=(), extra=[Acme(), pipelex_limits_redis])
    deck = project.load(environ={**project.environ, "REDIS_PASSWORD": "hunter2-hunter2"}).deck
    assert deck.limits_url is not None
    assert deck.limits_url.reveal() == URL
    assert "hunter2" not in repr(deck)
    assert list(deck.backends) == ["acme", "beta"]


def test_no_address(project: Project) -> None:
    """Without the key, limits are each process's own."""
    assert project.load().deck.limits_url is None


@pytest.mark.parametrize(
    ("url", "mend"),
    [("redis://:hunter2-hunter2@localhost", "run: pip install pipelex-limits-redis"), ("etcd://hunter2-hunter2", None)],
)
def test_an_address_that_no_plugin_serves(project: Project, url: str, mend: str | None) -> None:
    """The fault has its place, and the command that brings the plugin where there is one; never the address."""
    top(project, f'limits_url = "{url}"')
    problem = project.only()
    assert (problem.code, problem.key, problem.suggestion) == ("bad-value", "limits_url", mend)
    assert problem.line is not None
    assert problem.message.startswith("'limits_url' cannot be used: no installed plugin shares limits at")
    assert "hunter2" not in str(problem)


def test_an_address_without_what_keeps_limits(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fault says what to install, where the distribution is not that looks for the plugin."""

    def absent(name: str) -> None:
        raise PackageNotFoundError(name)

    brought.cache_clear()
    monkeypatch.setattr("importlib.metadata.distribution", absent)
    top(project, 'limits_url = "redis://:hunter2-hunter2@localhost"')
    problem = project.only()
    assert problem.message == "'limits_url' cannot be used: what keeps limits is not installed"
    assert problem.suggestion == "run: pip install pipelex-limits"


@pytest.mark.parametrize(
    "answer", [3, ZeroDivisionError("redis://:hunter2-hunter2@localhost")], ids=["wrong", "raises"]
)
def test_a_plugin_that_cannot_share_limits(project: Project, answer: object) -> None:
    """The fault names it, and does not show what it raised: that could hold the address."""

    def pipelex_limiter(url: Secret) -> object:
        if isinstance(answer, Exception):
            raise answer
        return answer

    top(project, 'limits_url = "redis://:hunter2-hunter2@localhost"')
    project.plugins = discover(entry_points=(), extra=[Acme(), plugin({}, pipelex_limiter=pipelex_limiter)])
    problem = project.only()
    assert "plugin scripted: pipelex_limiter" in problem.message
    assert "hunter2" not in str(problem)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("limits_url = 3", "bad-value"),
        ('limits_url = "http://:hunter2-hunter2@localhost"', "bad-value"),
        ('limits_url = "redis://:hunter2-hunter2@localhost:port"', "bad-value"),
        ('limits_url = "redis://${REDIS_PASSWORD"', "bad-variable"),
        ('limits_url = "redis://${NO_SUCH}"', "missing-variable"),
    ],
)
def test_an_address_that_is_none(project: Project, line: str, code: str) -> None:
    """It is told with its place, and never shown."""
    top(project, line)
    project.plugins = discover(entry_points=(), extra=[Acme(), pipelex_limits_redis])
    problem = project.only()
    assert (problem.code, problem.key) == (code, "limits_url")
    assert problem.line is not None
    with pytest.raises(ConfigError) as caught:
        project.load()
    assert "hunter2" not in str(caught.value)
