"""The pytest plugin of the conformance kit (`testing/`): chooses scenarios by what a backend claims, and writes the certificate.

It is loaded in every pytest run where pipelex-core is installed; what it needs of the kit is imported when a suite is there.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pipelex_testing.certificate import Record

CERTIFICATE = "--certificate"
CERTIFICATE_OF = "--certificate-of"
EVERY = "*"
"""What `--certificate-of` names for every plugin."""

_PROPERTY = "pipelex-conformance"

pytest.register_assert_rewrite("pipelex_testing.suite", "pipelex_testing.calls")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--certificate DIR`."""
    group = parser.getgroup("pipelex", "Pipelex backends")
    group.addoption(CERTIFICATE, metavar="DIR", help="write the certificate of each backend under test to DIR")
    group.addoption(
        CERTIFICATE_OF,
        metavar="NAME",
        help="run the conformance suites of this plugin, distribution or sdk alone; * for all",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Record what the scenarios prove."""
    config.pluginmanager.register(_Recorder(config), "pipelex-conformance-recorder")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the scenarios of what a backend does not claim, and tell the others what they prove."""
    kept: list[pytest.Item] = []
    remaining: list[pytest.Item] = []
    reported: dict[type, dict[str, Any]] = {}
    only = config.getoption(CERTIFICATE_OF)
    for item in items:
        suite = getattr(item, "cls", None)
        if suite is None or not hasattr(suite, "claims") or not hasattr(suite, "wire"):
            (kept if only is None else remaining).append(item)
            continue
        needs = _needs(item)
        if not suite.claims.issuperset(needs):
            remaining.append(item)
            continue
        if suite not in reported:
            reported[suite] = _about(suite)
        if only not in {None, EVERY, *reported[suite]["names"]}:
            remaining.append(item)
            continue
        item.user_properties.append((_PROPERTY, json.dumps([reported[suite], list(needs)])))
        kept.append(item)
    if remaining:
        config.hook.pytest_deselected(items=remaining)
        items[:] = kept


class _Recorder:
    """Hears of every scenario's end, also from the processes of pytest-xdist, and tells of the certificates."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._records: dict[str, Record] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note how a scenario ended."""
        reported = dict(report.user_properties).get(_PROPERTY)
        if reported is None or (report.passed and report.when != "call"):
            return
        from pipelex_testing.certificate import Record

        about, needs = json.loads(str(reported))
        record = self._records.setdefault(about["suite"], Record(about))
        record.note(report.nodeid.rpartition("::")[2], _outcome(report), tuple(needs))

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print the certificates, and write them where that was asked for."""
        if not self._records:
            return
        from pipelex_testing.certificate import table

        folder = self._config.getoption("--certificate")
        for name, record in sorted(self._records.items()):
            certificate = record.certificate()
            terminalreporter.write_sep("=", f"conformance of {name}")
            for line in table(certificate):
                terminalreporter.write_line(line)
            if folder:
                target = Path(folder)
                target.mkdir(parents=True, exist_ok=True)
                file = target / f"{certificate['backend']}-{certificate['sdk']}.json"
                _replace(file, json.dumps(certificate, indent=2) + "\n")


def _outcome(report: pytest.TestReport) -> str:
    """How a scenario ended; `absent` where it is about something that the provider does not have."""
    reason = report.longrepr[2] if report.skipped and isinstance(report.longrepr, tuple) else ""
    return "absent" if reason.removeprefix("Skipped: ").startswith("absent: ") else report.outcome


def _overridden(suite: type) -> list[str]:
    """The scenarios of the kit that a suite replaced by its own."""
    kit = [base for base in suite.__mro__ if base.__module__.startswith("pipelex_testing")]
    own = [base for base in suite.__mro__ if not base.__module__.startswith("pipelex_testing") and base is not object]
    scenarios = {name for base in kit for name in vars(base) if name.startswith("test_")}
    return sorted(name for base in own for name in vars(base) if name in scenarios)


def _replace(file: Path, text: str) -> None:
    """Write it beside its place and move it there: a full disk leaves the certificate of before."""
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)


def _needs(item: pytest.Item) -> tuple[str, ...]:
    """The capabilities that a scenario is about."""
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    call = parameters.get("call")
    named: tuple[str, ...] = getattr(getattr(item, "obj", None), "capabilities", ())
    own = getattr(call, "capability", None)
    return (*named, own) if own else named


def _about(suite: Any) -> dict[str, Any]:
    record = next((found for found in suite().plugins().records if suite.sdk in found.sdks), None)
    return {
        "suite": suite.__name__,
        "backend": suite.backend or suite.sdk,
        "sdk": suite.sdk,
        "wire": suite.wire.name if suite.wire else None,
        "plugin": record.label if record else None,
        "names": [suite.sdk, *((record.name, record.distribution) if record else ())],
        "sdk_modules": list(suite.sdk_modules),
        "claims": sorted(suite.claims),
        "overridden": _overridden(suite),
    }
