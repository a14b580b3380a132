"""One model, put together from the tables of several files.

What wins, key by key: the project's table, the project's `[defaults]`, the plugin's table, for `sdk` the backend's table, the
plugin's `[defaults]`.
`[defaults]` speaks for the models of its own file; in a project's file without models, for all that the plugin ships.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from pipelex_core.specs import NOWHERE, Source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelex_core.config.spec_files import SpecFile


@frozen(eq=False, repr=False, slots=False)
class Layers:
    """One model and the files its keys may come from, the strongest first; and the sdk that its backend's table names."""

    name: str
    files: Sequence[SpecFile]
    sdk: tuple[str, Source] | None = None

    def where(self, key: str) -> Source:
        """Where a key was written; the model's strongest table for one that was not."""
        if key == "sdk" and self.sdk is not None and not self._names_sdk():
            return self.sdk[1]
        for file in self.files:
            if key in file.models.get(self.name, ()):
                return file.at_model(self.name, key)
            if key in file.defaults and (self.name in file.models or not file.models):
                return file.source.at(*file.default_paths[key])
        return self.source

    @property
    def source(self) -> Source:
        """Where the model was written: in the project, else by the plugin."""
        for file in self.files:
            if self.name in file.models:
                return file.at_model(self.name)
        return NOWHERE

    def merged(self) -> dict[str, Any]:
        """All keys, the strongest file winning, and in a file the model over the defaults."""
        merged: dict[str, Any] = {}
        for file in reversed(self.files):
            if self.name in file.models:
                merged.update(file.defaults)
                merged.update(file.models[self.name])
            elif not file.models:
                merged.update(file.defaults)
        if self.sdk is not None and not self._names_sdk():
            merged["sdk"] = self.sdk[0]
        return merged

    def _names_sdk(self) -> bool:
        """Whether the model names its sdk, or the project does for the models of its file: not a plugin for all of its."""
        own = (
            file for file in self.files if file.source.plugin is None and (self.name in file.models or not file.models)
        )
        return any("sdk" in file.models.get(self.name, ()) for file in self.files) or any(
            "sdk" in f.defaults for f in own
        )

    def is_older(self, key: str) -> bool:
        """Whether a key comes from a file of the older generation."""
        source = self.where(key)
        return any(file.older and file.source.at(*source.key) == source for file in self.files)
