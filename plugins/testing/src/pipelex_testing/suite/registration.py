"""Scenarios: what a plugin declares."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_core import backend as of_backend
from pipelex_core.config import load
from pipelex_core.errors import ConfigError
from pipelex_testing.samples import CAPABILITIES
from pipelex_testing.suite.base import Scenarios

if TYPE_CHECKING:
    from pipelex_testing.samples import Capability

_CLASSES: dict[Capability, type[of_backend.Backend]] = {
    "text": of_backend.TextGenerator,
    "stream": of_backend.TextStreamer,
    "object": of_backend.ObjectGenerator,
    "object stream": of_backend.ObjectStreamer,
    "OCR": of_backend.DocumentExtractor,
    "image out": of_backend.ImageGenerator,
    "embeddings": of_backend.Embedder,
}
_FURTHER: dict[Capability, type[of_backend.Backend]] = {
    "transcription": of_backend.Transcriber,
    "speech": of_backend.Speaker,
    "speech stream": of_backend.SpeechStreamer,
    "rerank": of_backend.Reranker,
    "moderation": of_backend.Moderator,
}
"""What a suite may claim; a class that does more is not held to it: a provider may have it in some of its models alone."""

_IMPORT = """
import sys
import {module}
early = sorted(name for name in {names!r} if name in sys.modules)
assert not early, f"importing the plugin imports {{', '.join(early)}}"
from pipelex_core.plugins import discover
discover()
early = sorted(name for name in {names!r} if name in sys.modules)
assert not early, f"registering the plugin imports {{', '.join(early)}}"
"""


class Registration(Scenarios):
    """Nothing runs before it is asked for, and what is declared is so."""

    def test_the_plugin_is_in_use(self) -> None:
        """It is found, not quarantined, and serves the sdk."""
        plugins = self.suite.plugins()
        assert plugins.find(self.suite.backend_name, self.suite.sdk), plugins.why_missing(
            self.suite.backend_name, self.suite.sdk
        )

    def test_claims_are_the_backends_capabilities(self) -> None:
        """The class has what the suite claims, and nothing that it does not: what is not claimed is not proven."""
        factory, _ = self.suite.plugins().require(self.suite.backend_name, self.suite.sdk)
        made = factory(self.suite.config("http://127.0.0.1:9"))
        assert set(self.suite.claims) <= set(CAPABILITIES)
        has = {capability for capability, kind in _CLASSES.items() if isinstance(made, kind)}
        assert has == set(self.suite.claims) & set(_CLASSES)
        assert all(isinstance(made, kind) for claim, kind in _FURTHER.items() if claim in self.suite.claims)
        if "image edits" in self.suite.claims:
            assert isinstance(made, of_backend.ImageGenerator)
            assert made.edits_images
        if self.suite.wire is not None:
            assert set(self.suite.claims) <= self.suite.wire.says, "the wire cannot say all that is claimed"

    def test_importing_and_registering_import_no_sdk(self) -> None:
        """The SDK comes with the first call."""
        module = getattr(self.suite.plugin, "__name__", "pipelex_core")
        code = _IMPORT.format(module=module, names=self.suite.sdk_modules)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)  # noqa: S603
        assert done.returncode == 0, done.stderr.strip().rpartition("\n")[2]

    def test_an_option_that_nobody_knows_is_refused(self, tmp_path: Path) -> None:
        """A misspelled key of backends.toml is a fault of the configuration, found before any call."""
        with pytest.raises(ConfigError) as caught:
            self._loaded(tmp_path, nobody_knows_this="x")
        assert [problem.code for problem in caught.value.problems if problem.severity == "error"] == ["unknown-key"]

    def test_declared_options_are_typed(self, tmp_path: Path) -> None:
        """A value of the wrong type is a fault of the configuration."""
        factory, _ = self.suite.plugins().require(self.suite.backend_name, self.suite.sdk)
        wrong: dict[str, Any] = {
            "str": 7,
            "secret": 7,
            "int": "x",
            "float": "x",
            "bool": "x",
            "list": 7,
            "table": 7,
            "strings": 7,
        }
        options = [option for option in factory.options if not option.name.startswith("_")]
        for number, option in enumerate(options):
            with pytest.raises(ConfigError) as caught:
                self._loaded(tmp_path / str(number), **{option.name: wrong[option.type]})
            assert any(option.name in (problem.key or "") for problem in caught.value.problems), option.name

    def test_the_shipped_models_load(self, tmp_path: Path) -> None:
        """Every spec file that the plugin ships is without a fault, and each model that can be called names an sdk that is served."""
        loaded = self._loaded(tmp_path)
        faults = [problem for problem in loaded.warnings if problem.file and not Path(problem.file).exists()]
        assert faults == [], "a spec file of the plugin has faults, whose models are left out"
        deck = loaded.deck
        models = deck.models.values()
        own = [entry for entry in models if entry.spec is not None and entry.spec.backend == self.suite.backend_name]
        shipped = [file.backend for file in self.suite.plugins().shipped_specs]
        assert (len(own) > 1) == (self.suite.backend_name in shipped)
        assert {entry.name: entry.reason for entry in own if not entry.available} == {}

    def _loaded(self, folder: Path, **options: Any) -> Any:
        """A project whose one backend is this one."""
        inference = folder / ".pipelex" / "inference"
        for name in ("deck", "backends"):
            (inference / name).mkdir(parents=True)
        lines = [f"[{self.suite.backend_name}]", "enabled = true", 'endpoint = "http://127.0.0.1:9"']
        if self.suite.takes_key:
            lines.append('api_key = "conformance-key"')
        provided = {
            name: value for name, value in self.suite.options.items() if isinstance(value, (str, int, float, bool))
        }
        lines += [f"{name} = {_toml(value)}" for name, value in {**provided, **options}.items()]
        (inference / "backends.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
        profile = f'active = "all"\n[profiles.all]\ndefault = "{self.suite.backend_name}"\n'
        (inference / "routing_profiles.toml").write_text(profile, encoding="utf-8")
        spec = next(iter(self.suite.specs_claimed()))
        model = f'[conformance]\nmodel_id = "{spec.model_id}"\nsdk = "{spec.sdk}"\nmodel_type = "{spec.model_type}"\n'
        (inference / "backends" / f"{self.suite.backend_name}.toml").write_text(model, encoding="utf-8")
        (inference / "deck" / "deck.toml").write_text('[aliases]\nkit = "conformance"\n', encoding="utf-8")
        return load(config=folder / ".pipelex", environ=dict(self.suite.variables), plugins=self.suite.plugins())


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)
