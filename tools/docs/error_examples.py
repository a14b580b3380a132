"""An example for each code: a mistake, and the very report it gives."""

from __future__ import annotations

import asyncio
import difflib
import re
import socket
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from attrs import frozen

from pipelex_cli.validation import Report, Validation
from pipelex_cli.validation.formats import as_text
from pipelex_core.checks import CheckedConfig, Finding
from pipelex_core.errors import ConfigError
from pipelex_core.hookspecs import hookimpl
from pipelex_core.plugins import discover
from tests.cli.mistakes import MISTAKES
from tests.cli.valid_project import ValidProject

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.valid_project import Change
    from tests.servers.base import Reply

NAMES: dict[str, str] = {
    "bad-toml": "a quote that is not closed",
    "bad-value": "a temperature out of its range",
    "plugin-missing": "a plugin to install",
    "missing-file": "no routing profiles",
    "unknown-handle": "an alias to nothing",
}
"""Where the first mistake of a code in the table is not the plainest."""


@frozen
class Example:
    """A mistake and its report.

    Attributes:
        mistake: What was done, as a sentence or a diff.
        report: What is reported, without paths of a machine.
        codes: The codes in it.
    """

    mistake: str
    report: str
    codes: tuple[str, ...]


def example(code: str) -> Example:
    """The example of a code, made now."""
    with TemporaryDirectory() as folder:
        root = Path(folder)
        reported, report = SPECIAL[code](root) if code in SPECIAL else _of_table(code, root)
        shown = as_text(report).replace(f"{root}/", "").replace(str(root), "the project")
    shown = re.sub(r"(127\.0\.0\.1)(:|', )\d+", r"\1\g<2>8000", shown).strip()
    return Example(reported, shown, tuple(problem.code for problem in report.problems))


def _of_table(code: str, root: Path) -> tuple[str, Report]:
    name = NAMES.get(code)
    mistake = next(each for each in MISTAKES if each.code == code and name in {None, each.name})
    project = ValidProject(root)
    diffs = []
    for change in mistake.changes:
        path = project.path(change.file)
        before = path.read_text() if path.exists() else ""
        change.apply(project)
        diffs.append(_difference(change, before, path))
    return "\n".join(diffs), project.report()


def _difference(change: Change, before: str, path: Path) -> str:
    if change.new is None and change.whole is None:
        return f"`{change.file}` is not there."
    after = path.read_bytes().decode("utf-8", "replace")
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0))[2:]
    shown = "\n".join(line for line in lines if not line.startswith("@@"))
    return f"In `{change.file}`:\n\n```diff\n{shown}\n```\n"


def _unreadable(root: Path) -> tuple[str, Report]:
    project = ValidProject(root)
    file = project.path("backends/beta.toml")
    file.unlink()
    file.mkdir()
    return "`backends/beta.toml` is a folder.", project.report()


def _no_default(root: Path) -> tuple[str, Report]:
    project = ValidProject(root)
    project.replace("deck/base.toml", 'choice_default = "paint"\n', "")
    try:
        project.load().deck.default("img_gen")
    except ConfigError as error:
        return '`client.generate_image("A lighthouse")`, and the deck has no `img_gen.choice_default`.', Report(
            problems=error.problems
        )
    msg = "a deck without a default has one"
    raise AssertionError(msg)


class Misspelt:
    """A plugin that implements no hook there is."""

    __name__ = "acme-plugin"

    @hookimpl
    def pipelex_backend(self) -> dict[str, object]:
        return {}


def _quarantined(root: Path) -> tuple[str, Report]:
    project = ValidProject(root)
    from tests.core.config_project import Acme

    project.plugins = discover(entry_points=(), extra=[Acme(), Misspelt()])
    return "A plugin with a misspelt hook, `pipelex_backend` for `pipelex_backends`.", project.report()


class Residency:
    """A company's rule."""

    __name__ = "company-rules"

    @hookimpl
    def pipelex_checks(self) -> list[Callable[[CheckedConfig], list[Finding]]]:
        """One check."""
        return [self.check]

    @staticmethod
    def check(config: CheckedConfig) -> list[Finding]:
        """Data stays in Europe."""
        backends = config.deck.backends.values()
        return [
            Finding(
                message=f"backend '{backend.name}' names no region", source=backend.source, expected='region = "eu"'
            )
            for backend in backends
            if "region" not in backend.options
        ]


def _plugin_check(root: Path) -> tuple[str, Report]:
    project = ValidProject(root)
    from tests.core.config_project import Acme

    project.plugins = discover(entry_points=(), extra=[Acme(), Residency()])
    return "A plugin `company-rules` adds a check that every backend has a region in Europe.", project.report()


def _sdk_version(root: Path) -> tuple[str, Report]:
    import sys
    from importlib.metadata import EntryPoint, PathDistribution

    metadata = root / "site" / "acme_plugin-1.0.dist-info"
    metadata.mkdir(parents=True)
    needs = "Requires-Dist: attrs<2\n"
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: acme-plugin\nVersion: 1.0\n{needs}")
    project = ValidProject(root)
    point = EntryPoint("acme", "tools.docs.acme_plugin", "pipelex_core.plugins")
    vars(point)["dist"] = PathDistribution(metadata)
    sys.path.insert(0, str(root / "site"))
    try:
        project.plugins = discover(entry_points=[point])
        report = project.report()
    finally:
        sys.path.remove(str(root / "site"))
    reported = "The plugin was made for `attrs<2`; a later one is installed."
    from importlib.metadata import version

    from attrs import evolve

    problems = [evolve(each, message=each.message.replace(version("attrs"), "25.4.0")) for each in report.problems]
    return reported, evolve(report, problems=tuple(problems))


def _dry_run(root: Path) -> tuple[str, Report]:
    deck = '[img_gen.presets.sketch]\nmodel = "painter"\n'
    files = {
        "backends.toml": '[acme]\nendpoint = "https://acme.example/v1"\napi_key = "a-key-of-acme"\n',
        "backends/acme.toml": '[painter]\nsdk = "anthropic"\nmodel_type = "img_gen"\noutputs = ["image"]\n',
        "routing_profiles.toml": 'active = "all"\n[profiles.all]\ndefault = "acme"\n',
        "deck/deck.toml": deck,
    }
    for name, text in files.items():
        file = root / ".pipelex" / "inference" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    validation = Validation(root, environ={"HOME": str(root)}, plugins=discover())
    asyncio.run(validation.dry_run())
    return "A preset for images leads to a model whose plugin makes none.", validation.report()


def _online(
    reported: str, *replies: Reply, model: str = "model-x", closed: bool = False
) -> Callable[[Path], tuple[str, Report]]:
    def made(root: Path) -> tuple[str, Report]:
        from tests.cli.test_validate_online import PROVIDERS, write
        from tests.servers.base import Server

        async def main() -> Report:
            async with Server() as server:
                server.queue(*replies)
                url = server.url
                if closed:
                    with socket.socket() as nobody:
                        nobody.bind(("127.0.0.1", 0))
                        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
                write(
                    root, {"acme": (PROVIDERS["openai"], url)}, ("model-x", model) if model != "model-x" else (model,)
                )
                validation = Validation(root, environ={"HOME": str(root)}, plugins=discover())
                await validation.check_online()
                return validation.report()

        return reported, asyncio.run(main())

    return made


def _answers() -> dict[str, Callable[[Path], tuple[str, Report]]]:
    from tests.servers.base import Reply

    listed = Reply.json({"object": "list", "data": [{"id": "model-x", "object": "model"}]})
    refused = Reply.json({"error": {"message": "Incorrect API key", "code": "invalid_api_key"}}, status=401)
    later = Reply.json({"error": {"message": "The server is overloaded"}}, status=503)
    nowhere = Reply.json({"error": {"message": "There is no such path"}}, status=404)
    return {
        "dry-run-failed": _dry_run,
        "endpoint-unreachable": _online("Nothing listens at the backend's `endpoint`.", closed=True),
        "key-refused": _online("The key has expired.", refused),
        "model-unknown-to-provider": _online('A spec has `model_id = "model-xx"`.', listed, model="model-xx"),
        "not-checkable": _online("The server has no `/models`.", nowhere),
        "check-failed": _online("The provider is overloaded.", later),
    }


def _latin(root: Path) -> tuple[str, Report]:
    project = ValidProject(root)
    file = project.path("deck/base.toml")
    file.write_bytes(file.read_bytes() + "# caf\xe9\n".encode("latin-1"))
    return "`deck/base.toml` was saved in Latin-1, with an `é` in a comment.", project.report()


SPECIAL: dict[str, Callable[[Path], tuple[str, Report]]] = {
    "bad-encoding": _latin,
    "unreadable-file": _unreadable,
    "no-default": _no_default,
    "plugin-quarantined": _quarantined,
    "plugin-check": _plugin_check,
    "sdk-version": _sdk_version,
    **_answers(),
}
