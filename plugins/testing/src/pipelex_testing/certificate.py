"""What a run of the kit proves: capabilities claimed against proven, as JSON and as a table."""

from __future__ import annotations

import platform
from collections import Counter
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from typing import TYPE_CHECKING, Any

from attrs import define, field

from pipelex_testing.samples import CAPABILITIES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FORMAT = "pipelex-conformance/1"


@define
class Record:
    """What became of one backend's scenarios.

    Attributes:
        about: The backend: name, sdk, wire, claims, plugin and SDK packages.
        outcomes: Scenario -> `passed`, `failed`, `skipped`, or `absent` where the provider does not have what it is about.
        proves: Scenario -> the capabilities it is about; empty for what every backend must do.
    """

    about: Mapping[str, Any]
    outcomes: dict[str, str] = field(factory=dict)
    proves: dict[str, tuple[str, ...]] = field(factory=dict)

    def note(self, scenario: str, outcome: str, capabilities: tuple[str, ...]) -> None:
        """How a phase of a scenario ended; a failure of any phase stays."""
        if self.outcomes.get(scenario) != "failed":
            self.outcomes[scenario] = outcome
        self.proves[scenario] = capabilities

    def certificate(self) -> dict[str, Any]:
        """The certificate, in plain data."""
        capabilities = {
            name: self._capability(name) for name in CAPABILITIES if name in self.about["claims"] or self._of(name)
        }
        failed = sorted(name for name, outcome in self.outcomes.items() if outcome == "failed")
        skipped = sorted(name for name, outcome in self.outcomes.items() if outcome == "skipped")
        absent = sorted(name for name, outcome in self.outcomes.items() if outcome == "absent")
        overridden = sorted(self.about.get("overridden", ()))
        return {
            "format": FORMAT,
            **{name: self.about[name] for name in ("suite", "backend", "sdk", "wire", "plugin")},
            "sdk_versions": versions_of(self.about["sdk_modules"]),
            "core": installed("pipelex-core"),
            "python": platform.python_version(),
            "certified": not failed
            and not skipped
            and not overridden
            and all(reported["proven"] for reported in capabilities.values()),
            "capabilities": capabilities,
            "scenarios": {
                "passed": len(self.outcomes) - len(failed) - len(skipped) - len(absent),
                "failed": failed,
                "skipped": skipped,
                "overridden": overridden,
                "absent": absent,
            },
        }

    def _of(self, capability: str) -> list[str]:
        return [name for name, capabilities in self.proves.items() if capability in capabilities]

    def _capability(self, name: str) -> dict[str, Any]:
        scenarios = self._of(name)
        passed = [each for each in scenarios if self.outcomes[each] == "passed"]
        failed = [each for each in scenarios if self.outcomes[each] == "failed"]
        claimed = name in self.about["claims"]
        return {
            "claimed": claimed,
            "proven": bool(passed) and not failed,
            "scenarios": len(scenarios),
            "failed": failed,
        }


def _grouped(scenarios: Sequence[str]) -> list[str]:
    """Names of scenarios, one that was run often with its number instead of each of its parameters."""
    counts = Counter(name.partition("[")[0] for name in scenarios)
    return [
        f"{name} ({counts[name]} times)" if counts[name] > 1 else next(one for one in scenarios if one.startswith(name))
        for name in counts
    ]


def installed(distribution: str) -> str | None:
    """The installed version of a distribution, or None."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def versions_of(modules: Sequence[str]) -> dict[str, str | None]:
    """The installed versions of the distributions that packages are of."""
    found = packages_distributions()
    return {module: installed(found.get(module.partition(".")[0], [module])[0]) for module in modules}


def table(certificate: Mapping[str, Any]) -> list[str]:
    """The certificate for people."""
    plugin = certificate.get("plugin") or certificate["sdk"]
    head = f"{plugin}: sdk {certificate['sdk']}, wire {certificate['wire'] or 'none'}, core {certificate['core']}"
    lines = [head, "", "capability   claimed  proven  scenarios"]
    for name, reported in certificate["capabilities"].items():
        claimed, proven = ("yes" if reported[key] else "no" for key in ("claimed", "proven"))
        lines.append(f"{name:<12} {claimed:<8} {proven:<7} {reported['scenarios']}")
    counts = certificate["scenarios"]
    verdict = "certified" if certificate["certified"] else "NOT certified"
    for what in ("overridden", "skipped", "absent"):
        names = counts.get(what, ())
        if names:
            lines += ["", f"{what}: {', '.join(_grouped(names))}"]
    return [*lines, "", f"{verdict}: {counts['passed']} passed, {len(counts['failed'])} failed"]
