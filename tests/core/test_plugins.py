"""Discovery: every plugin is found, loaded and classified; a broken one is quarantined and harms no other."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from importlib.metadata import Distribution, entry_points
from pathlib import Path
from typing import Any

import pytest

from pipelex_core import PluginError, hookspecs
from pipelex_core.plugins import FIRST_PARTY, Plugins, discover

GOOD = """
from pipelex_core.hookspecs import hookimpl

@hookimpl
def pipelex_backends():
    return {"%s": lambda config: None}
"""


def install(
    site: Path, name: str, source: str | None, *, requires: str = "pipelex-core>=0.1", point: str | None = None
) -> None:
    """Lay out a distribution as pip does: a module, its metadata, its entry point."""
    module = f"acme_{name}"
    if source is not None:
        (site / f"{module}.py").write_text(textwrap.dedent(source))
    info = site / f"{module}-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.2\nRequires-Dist: {requires}\n")
    (info / "entry_points.txt").write_text(f"[pipelex_core.plugins]\n{name} = {point or module}\n")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that Python imports from."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def found(site: Path) -> Plugins:
    """The plugins in that folder, through their metadata."""
    points = [
        p
        for d in Distribution.discover(path=[str(site)])
        for p in d.entry_points
        if p.group == hookspecs.ENTRY_POINT_GROUP
    ]
    return discover(entry_points=points)


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "syntax": ({"source": "def ("}, "import of 'acme_bad' failed: SyntaxError"),
    "dependency": ({"source": "import no_such_module"}, "No module named 'no_such_module'"),
    "exit": ({"source": "raise SystemExit(3)"}, "SystemExit"),
    "nothing": ({"source": None, "point": "acme_nowhere:plugin"}, "acme_nowhere"),
    "range": (
        {"source": GOOD % "x", "requires": "pipelex-core<0.1"},
        "it needs pipelex-core<0.1, and 0.1.0 is installed",
    ),
    "metadata": ({"source": GOOD % "x", "requires": "pipelex-core >< 1"}, "metadata cannot be read"),
    "hook": (
        {"source": "from pipelex_core.hookspecs import hookimpl\n@hookimpl\ndef pipelex_backend():\n    return {}\n"},
        "a hook that does not exist: 'pipelex_backend'; did you mean 'pipelex_backends'",
    ),
    "raises": (
        {
            "source": "from pipelex_core.hookspecs import hookimpl\n@hookimpl\ndef pipelex_backends():\n    return 1 / 0\n"
        },
        "ZeroDivisionError",
    ),
    "nonsense": (
        {
            "source": "from pipelex_core.hookspecs import hookimpl\n@hookimpl\ndef pipelex_backends():\n    return ['acme']\n"
        },
        "must return a mapping",
    ),
    "not-callable": (
        {
            "source": "from pipelex_core.hookspecs import hookimpl\n@hookimpl\ndef pipelex_backends():\n    return {'x': 3}\n"
        },
        "pipelex_backends must return a mapping of sdk names to factories, and the value of 'x' is 3",
    ),
    "specs": (
        {
            "source": "from pipelex_core.hookspecs import hookimpl\n@hookimpl\ndef pipelex_model_specs():\n    return {'x': 'x.toml'}\n"
        },
        "pipelex_model_specs must return",
    ),
    "arguments": (
        {
            "source": "from pipelex_core.hookspecs import hookimpl\n@hookimpl\ndef pipelex_call_finished(call, more):\n    pass\n"
        },
        "Argument(s) {'more'} are declared in the hookimpl but can not be found in the hookspec",
    ),
    "middleware": (
        {
            "source": "from pipelex_core.hookspecs import hookimpl\n@hookimpl\ndef pipelex_middleware():\n    return [1]\n"
        },
        "pipelex_middleware must return",
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_plugin_is_quarantined_and_the_others_go_on(
    site: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its record says why; a good plugin beside it is in use."""
    fields, reason = BROKEN[kind]
    install(site, "good", GOOD % "good")
    install(site, "bad", **fields)
    monkeypatch.delitem(sys.modules, "acme_bad", raising=False)
    monkeypatch.delitem(sys.modules, "acme_good", raising=False)
    plugins = found(site)
    by_name = {record.name: record for record in plugins.records}
    assert (by_name["good"].status, by_name["good"].sdks) == ("ok", ("good",))
    assert by_name["bad"].status == "quarantined"
    assert reason in (by_name["bad"].reason or "")
    assert plugins.find("any", "good") is not None
    assert plugins.find("any", "x") is None


def test_two_plugins_with_one_sdk_are_both_quarantined_and_named(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody guesses which was meant; a model that needs the sdk fails with that reason."""
    for name in ("one", "two"):
        install(site, name, GOOD % "same")
        monkeypatch.delitem(sys.modules, f"acme_{name}", raising=False)
    plugins = found(site)
    assert [record.status for record in plugins.records] == ["quarantined", "quarantined"]
    with pytest.raises(PluginError, match=r"acme.one 1\.2 and acme.two 1\.2"):
        plugins.require("any", "same")


def test_two_plugins_of_one_name_are_both_quarantined(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As are two entry points of one module: the second is in use nowhere."""
    install(site, "one", GOOD % "one")
    install(site, "two", GOOD % "two")
    install(site, "three", None, point="acme_four")
    install(site, "four", GOOD % "four")
    (site / "acme_two-1.2.dist-info" / "entry_points.txt").write_text("[pipelex_core.plugins]\none = acme_two\n")
    for name in ("one", "two", "four"):
        monkeypatch.delitem(sys.modules, f"acme_{name}", raising=False)
    plugins = found(site)
    reasons = {f"{record.name} of {record.distribution}": record.reason for record in plugins.records}
    twice = "the plugin name 'one' is offered by acme_one 1.2 and acme_two 1.2: uninstall one of them"
    assert sorted(reasons) == ["four of acme_four", "one of acme_one", "one of acme_two", "three of acme_three"]
    assert {reasons["one of acme_one"], reasons["one of acme_two"]} == {twice}
    assert reasons["four of acme_four"] is None
    assert reasons["three of acme_three"] == "another plugin has the same module"
    assert plugins.sdks == ("four",)


def test_a_record_tells_how_long_its_plugin_took(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Import and hooks together; a quarantined plugin's import counts too."""
    monkeypatch.delitem(sys.modules, "acme_slow", raising=False)
    install(site, "slow", "import time\ntime.sleep(0.05)\nimport no_such_module\n")
    (record,) = found(site).records
    assert record.status == "quarantined"
    assert record.seconds >= 0.05


def test_only_what_is_asked_for_is_imported(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the name of the plugin or of its distribution, however it is written; objects that were passed are not meant."""
    from tests.support.scripted import Script, ScriptedBackend, plugin

    for name in ("one", "two", "three"):
        install(site, name, GOOD % name)
        monkeypatch.delitem(sys.modules, f"acme_{name}", raising=False)
    points = [point for each in Distribution.discover(path=[str(site)]) for point in each.entry_points]
    provided = plugin({"given": lambda config: ScriptedBackend(config, Script())})
    plugins = discover(entry_points=points, extra=[provided], only=("two", "Acme-Three"))
    assert {record.name: record.status for record in plugins.records if record.distribution} == {
        "one": "off",
        "two": "ok",
        "three": "ok",
    }
    assert set(plugins.sdks) == {"two", "three", "given"}
    assert "acme_one" not in sys.modules
    with pytest.raises(PluginError, match=r"not in use: acme_one 1\.2 \(the program asks for two, Acme-Three only\)"):
        plugins.require("any", "one")


def test_the_environment_asks_for_installed_plugins_only(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`PIPELEX_PLUGINS` says nothing of entry points that a program gives; empty, it says nothing at all."""
    install(site, "one", GOOD % "one")
    monkeypatch.delitem(sys.modules, "acme_one", raising=False)
    monkeypatch.setenv("PIPELEX_PLUGINS", "internal, nobody")
    assert [record.status for record in found(site).records] == ["ok"]
    installed = {record.name: record.status for record in discover().records}
    assert (installed["internal"], installed["nobody"]) == ("ok", "missing")
    assert {status for name, status in installed.items() if name not in {"internal", "nobody"}} == {"off"}
    monkeypatch.setenv("PIPELEX_PLUGINS", " , ")
    assert {record.status for record in discover().records} == {"ok"}
    assert {record.status for record in discover(only=()).records} == {"off"}


def test_what_a_plugin_changed_is_told_of_it_alone(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it is quarantined; the one after it changed nothing."""
    source = "import os, sys\nos.chdir('/')\nos.environ['ACME_LEFT'] = '1'\nsys.stdout = None\n1 / 0\n"
    install(site, "a", source)
    install(site, "b", GOOD % "b")
    for name in ("acme_a", "acme_b"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setenv("ACME_LEFT", "0")
    before, folder = sys.stdout, Path.cwd()
    first, second = found(site).records
    remaining = ("the working directory (put back)", "sys.stdout (put back)", "the environment variable ACME_LEFT")
    assert (first.status, first.touched) == ("quarantined", remaining)
    assert (second.status, second.touched) == ("ok", ())
    assert (sys.stdout, Path.cwd()) == (before, folder)


def test_a_key_narrowed_to_one_backend_wins_there_only() -> None:
    """`vertexai:openai` serves sdk openai of vertexai, and of no other backend."""
    from tests.support.scripted import Script, plugins_for

    plugins = plugins_for({"acme": Script(), "special:acme": Script()})
    narrowed, general = plugins.find("special", "acme"), plugins.find("other", "acme")
    assert narrowed is not None
    assert general is not None
    assert narrowed[0] is not general[0]


def test_a_missing_first_party_plugin_is_named() -> None:
    """Also where a narrowed one is missing and the general one is there."""
    from tests.support.scripted import Script, plugins_for

    plugins = plugins_for({"openai": Script()})
    for sdk, distribution in FIRST_PARTY.items():
        backend, _, name = sdk.rpartition(":")
        if sdk != "openai":
            with pytest.raises(PluginError, match=f"pip install {distribution}"):
                plugins.require(backend or "any", name)


def test_every_first_party_sdk_is_served_by_the_distribution_it_names() -> None:
    """The table that tells people what to install is true."""
    plugins = discover()
    served = {sdk: record.distribution for record in plugins.records for sdk in record.sdks}
    assert [record for record in plugins.records if record.status != "ok"] == []
    assert {sdk: served.get(sdk) for sdk in FIRST_PARTY} == FIRST_PARTY


def test_discovery_imports_no_sdk() -> None:
    """Importing the package, and loading every installed plugin, imports no SDK, opens no socket, reads no project file."""
    program = """
        import builtins, io, sys
        opened = []
        def audit(event, args):
            if event == "open" and isinstance(args[0], str) and args[0].endswith((".toml", ".env")): opened.append(args[0])
            if event.startswith("socket."): opened.append(event)
        sys.addaudithook(audit)
        import pipelex_core
        after_import = set(sys.modules)
        assert not opened, opened
        from pipelex_core.plugins import discover
        plugins = discover()
        assert not [r for r in plugins.records if r.status != "ok"], plugins.records
        assert not opened, opened
        heavy = {"openai", "anthropic", "mistralai", "fal_client", "boto3", "botocore", "google.genai", "pypdfium2", "xllamacpp",
                 "httpx", "httpx2", "aiohttp", "pydantic", "google.cloud.aiplatform", "packaging"}
        assert not heavy & set(sys.modules), heavy & set(sys.modules)
        light = {"rich", "cyclopts", "msgspec", "dotenv", "tomli", "jsonschema", "asyncio"}
        assert not light & after_import, light & after_import
    """
    subprocess.run([sys.executable, "-W", "error", "-c", textwrap.dedent(program)], check=True)


def test_every_installed_plugin_is_found() -> None:
    """The records are the entry points."""
    installed = {point.name for point in entry_points(group=hookspecs.ENTRY_POINT_GROUP)}
    assert {record.name for record in discover().records} == installed


@pytest.mark.parametrize(
    "requires, inside",
    [
        ("pipelex-core[http]>=0.1,<0.2", True),
        ("Pipelex.Core >=0.1.0", True),
        ("pipelex-core", True),
        ("pipelex-core==0.1.*", True),
        ("pipelex-core~=0.1.0", True),
        ("pipelex-core>=0.2; extra == 'new'", True),
        ("pipelex-core-extras>=7", True),
        ("pipelex-core<0.1.0.0", False),
        ("pipelex-core>0.1", False),
        ("pipelex_core>=0.2,<0.3", False),
        ("pipelex-core>=0.1,!=0.1.0", False),
        ("pipelex-core ??", False),
    ],
)
def test_the_range_of_core_that_a_plugin_declares_is_kept(
    requires: str, inside: bool, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In whatever way it is written."""
    monkeypatch.setattr("importlib.metadata.version", lambda _: "0.1.0")
    install(site, "ranged", "", requires=requires)
    (record,) = found(site).records
    assert (record.status == "ok") == inside, record.reason
