"""What the command line passes to a command: the global options, and the parts made of them."""

from __future__ import annotations

import json
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipelex_core.client import Client
    from pipelex_core.config import LoadedConfig
    from pipelex_core.plugins import Plugins


@frozen(kw_only=True)
class Context:
    """The global options.

    Attributes:
        config: The `.pipelex` folder, or its `inference/`; None to look for it.
        env_file: A `.env` file; None for the one beside the folder.
        profile: A routing profile; None for the active one.
        debug: Whether errors show their traceback.
        no_plugins: Whether no plugin is used.
    """

    config: str | None = None
    env_file: str | None = None
    profile: str | None = None
    debug: bool = False
    no_plugins: bool = False

    def plugins(self) -> Plugins:
        """The installed plugins that the project's plugin lock knows; what they print goes to stderr."""
        return self._discover(self.lock_file())

    def unlocked_plugins(self) -> Plugins:
        """The installed plugins, whatever the plugin lock says."""
        return self._discover(None)

    def lock_file(self) -> Path | None:
        """Where the project's plugin lock would be; None without a project."""
        from pipelex_core.errors import ModelDeckNotFoundError
        from pipelex_core.locate import locate, plugin_lock_of

        try:
            return plugin_lock_of(locate(config=self.config))
        except ModelDeckNotFoundError:
            return None

    def _discover(self, lock: Path | None) -> Plugins:
        import sys
        from contextlib import redirect_stdout

        from pipelex_core.plugins import discover

        with redirect_stdout(sys.stderr):
            return discover(only=() if self.no_plugins else None, lock=lock)

    def client(self) -> Client:
        """A client for the configuration; an enabled backend without its key stops nothing but its own models."""
        from pipelex_core.client import Client

        return Client.from_project(**self.where(), plugins=self.plugins(), strict=False)

    def load(self, plugins: Plugins) -> LoadedConfig:
        """The configuration; an enabled backend without its key stops nothing but its own models."""
        from pipelex_core.config import load

        return load(**self.where(), plugins=plugins, strict=False, require=False)

    def where(self) -> dict[str, Any]:
        """The arguments of `Client.from_project` that say where the configuration is."""
        return {"config": self.config, "env_file": self.env_file, "profile": self.profile}

    def print_json(self, document: Any) -> None:
        """Print one JSON document on stdout, escaped where stdout is not UTF-8."""
        is_utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
        sys.stdout.write(json.dumps(document, ensure_ascii=not is_utf8, indent=2) + "\n")

    def note(self, text: str) -> None:
        """Print a line for people, on stderr."""
        sys.stderr.write(f"{text}\n")

    def progress(self, title: str) -> AbstractContextManager[Callable[[int, int | None], None]]:  # noqa: ARG002
        """Show progress while the block runs; what it gives takes the units done and, where known, in all."""
        return nullcontext(lambda _done, _total: None)
