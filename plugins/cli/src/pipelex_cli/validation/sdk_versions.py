"""The SDKs of the plugins in use: installed, and of a version that the plugin was made for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelex_core.config import ReadConfig
    from pipelex_core.config.problems import Faults
    from pipelex_core.plugins import PluginRecord


def check_sdk_versions(read: ReadConfig) -> None:
    """Warn of everything that a plugin of an enabled backend declares to need, and that is not there as declared."""
    records: dict[str, PluginRecord] = {}
    for backend in read.catalogue.backends.values():
        for spec in backend.models.specs.values():
            found = read.context.plugins.find(spec.backend, spec.sdk)
            if found and found[1].distribution:
                records.setdefault(found[1].distribution, found[1])
    for record in records.values():
        _check(record, read.faults)


def _check(record: PluginRecord, faults: Faults) -> None:
    from importlib.metadata import PackageNotFoundError, distribution, version

    from packaging.requirements import InvalidRequirement, Requirement

    try:
        needs = distribution(record.distribution or "").requires or []
    except PackageNotFoundError:
        return  # a plugin that runs from its sources declares nothing
    for line in needs:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        mend = f"run: pip install '{requirement.name}{requirement.specifier}'"
        try:
            installed = version(requirement.name)
        except PackageNotFoundError:
            message = f"the plugin {record.label} needs {requirement.name}, which is not installed"
            faults.warning("sdk-version", message, suggestion=mend)
            continue
        if not requirement.specifier.contains(installed, prereleases=True):
            message = (
                f"the plugin {record.label} is made for {requirement.name}{requirement.specifier}, "
                f"and {installed} is installed"
            )
            faults.warning("sdk-version", message, suggestion=mend)
