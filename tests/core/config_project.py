"""A small project's configuration in a temporary folder, for the tests of loading: sound as it is, to be changed."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_core import config
from pipelex_core.backend import BackendFactory, Option
from pipelex_core.errors import ConfigError
from pipelex_core.hookspecs import hookimpl
from pipelex_core.plugins import discover

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pipelex_core.config import LoadedConfig
    from pipelex_core.errors import Problem
    from pipelex_core.plugins import Plugins

KEY = "sk-acme-0123456789"

FILES = {
    "backends.toml": """
        [acme]
        display_name = "Acme"
        endpoint = "https://acme.test/v1"
        api_key = "${ACME_KEY}"
        region = "eu"

        [beta]

        [off]
        enabled = false
        api_key = "${OFF_KEY}"
    """,
    "backends/acme.toml": """
        [defaults]
        sdk = "acme"

        [m-one]
        model_id = "acme-one"
        inputs = ["text", "images"]
        outputs = ["text", "structured"]
        costs = { input = 2.5, output = 10 }
        max_tokens = 4096

        [m-two]

        ["m.three/v1"]

        [strict]
        constraints = ["temperature_must_be_1"]

        [reader]
        model_type = "text_extractor"
        outputs = ["pages"]

        [painter]
        model_type = "img_gen"
        outputs = ["image"]
    """,
    "backends/beta.toml": """
        [defaults]
        sdk = "acme"

        [m-two]

        [b-only]
    """,
    "backends/off.toml": """
        [m-off]
        sdk = "acme"
    """,
    "routing_profiles.toml": """
        active = "main"

        [profiles.main]
        default = "acme"
    """,
    "deck/base.toml": """
        [aliases]
        best = "m-one"
        chain = ["m-two", "m-one"]

        [llm.presets]
        quick = { model = "best", temperature = 0.5 }

        [llm.choice_defaults]
        for_text = "quick"
        for_object = "quick"

        [extract]
        choice_default = "scan"

        [extract.presets]
        scan = { model = "reader", max_nb_images = 10 }

        [img_gen]
        choice_default = "paint"

        [img_gen.presets]
        paint = { model = "painter", quality = "low" }
    """,
}


class Acme:
    """A plugin: sdk `acme` with options, and whatever model files a test gives it."""

    def __init__(
        self, specs: Mapping[str, Path] | None = None, *, sdk: str = "acme", requires_key: bool = False
    ) -> None:
        self._specs = dict(specs or {})
        self._sdk = sdk
        self._requires_key = requires_key
        self.__name__ = f"plugin-{sdk}"

    @hookimpl
    def pipelex_backends(self) -> dict[str, BackendFactory]:
        options = (
            Option(name="region", choices=("eu", "us")),
            Option(name="limit", type="int"),
            Option(name="ratio", type="float"),
            Option(name="verbose", type="bool"),
            Option(name="tags", type="list"),
            Option(name="extra", type="table"),
            Option(name="second_key", type="secret"),
        )
        model_options = (Option(name="thinking", type="bool"), Option(name="style"))
        factory = BackendFactory(_never, options=options, model_options=model_options, requires_key=self._requires_key)
        return {self._sdk: factory}

    @hookimpl
    def pipelex_model_specs(self) -> dict[str, Path]:
        return self._specs


def _never(config: object) -> Any:
    raise AssertionError(config)


class Project:
    """A project with an `inference/` folder that holds `FILES`, dedented; line numbers count from 1."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / ".pipelex" / "inference"
        for name, text in FILES.items():
            self.write(name, text)
        self.environ = {"ACME_KEY": KEY, "HOME": str(root / "home")}
        self.plugins: Plugins = discover(entry_points=(), extra=[Acme()])

    def write(self, name: str, text: str | bytes) -> Path:
        """Write a file of the folder, a text dedented and without its first line break."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else textwrap.dedent(text).removeprefix("\n").encode())
        return file

    def add(self, name: str, text: str) -> Path:
        """Add lines to a file."""
        file = self.folder / name
        return self.write(name, file.read_text() + textwrap.dedent(text))

    def replace(self, name: str, old: str, new: str) -> Path:
        """Change a part of a file that occurs once."""
        text = (self.folder / name).read_text()
        assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times in {name}"
        return self.write(name, text.replace(old, new))

    def ship(self, backend: str, text: str, **how: Any) -> None:
        """Give the plugin a file of models."""
        file = self.root / f"shipped_{backend}.toml"
        file.write_text(textwrap.dedent(text))
        self.plugins = discover(entry_points=(), extra=[Acme({backend: file}, **how)])

    def load(self, **arguments: Any) -> LoadedConfig:
        """Load it."""
        return config.load(self.root, **{"environ": self.environ, "plugins": self.plugins, **arguments})

    def check(self, **arguments: Any) -> tuple[Problem, ...]:
        """Every problem there is; what `check` and `load` say must agree."""
        arguments = {"environ": self.environ, "plugins": self.plugins, **arguments}
        loaded, problems = config.check(self.root, **arguments)
        if loaded is None:
            with pytest.raises(ConfigError) as caught:
                config.load(self.root, **arguments)
            assert caught.value.problems == problems
        else:
            assert config.load(self.root, **arguments).warnings == loaded.warnings == problems
        return problems

    def only(self, **arguments: Any) -> Problem:
        """The one problem there is."""
        problems = self.check(**arguments)
        assert len(problems) == 1, "\n".join(map(str, problems))
        return problems[0]

    def line_of(self, name: str, text: str) -> int:
        """The number of the one line that holds a text."""
        lines = (self.folder / name).read_text().splitlines()
        found = [number for number, line in enumerate(lines, 1) if text in line]
        assert len(found) == 1, (text, found)
        return found[0]
