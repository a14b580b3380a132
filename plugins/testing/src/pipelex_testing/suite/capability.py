"""The scenarios of a backend for a capability that a plugin brings: inherit `CapabilityConformance`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from attrs import evolve

from pipelex_core import Client, DeadlineExceededError, UnsupportedInputError
from pipelex_core.deck import ModelDeck
from pipelex_core.plugins import discover
from pipelex_core.routing import ModelEntry, RouteMatch
from pipelex_core.specs import BackendConfig, ModelSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_core.capabilities import Capability


class CapabilityConformance:
    """What every capability holds to, shown with the sample of its record.

    Attributes:
        capability: Its name.
        sdk: What a model spec names for the backend under test.
        model_id: What the model is called at the provider.
        options: Keys of the backend's table.
    """

    capability: ClassVar[str]
    sdk: ClassVar[str]
    model_id: ClassVar[str] = "a-model"
    options: ClassVar[Mapping[str, Any]] = {}

    def plugin(self) -> object:
        """The plugin's module."""
        raise NotImplementedError

    def client(self) -> Client:
        """A client whose only model is one of the capability."""
        plugins = discover(entry_points=(), extra=[self.plugin()])
        kind = plugins.capabilities[self.capability]
        spec = ModelSpec(name="m", backend="b", sdk=self.sdk, model_id=self.model_id, model_type=kind.model_types[0])
        entry = ModelEntry(name="m", spec=spec, available=True, reason=None, route=RouteMatch(rule="none"))
        backends = {"b": BackendConfig(name="b", options=self.options)}
        return Client(ModelDeck(models={"m": entry}, backends=backends, capabilities=plugins.capabilities), plugins)

    def record(self, client: Client) -> Capability:
        """The record."""
        return client.plugins.capabilities[self.capability]

    def test_the_sample_is_answered(self) -> None:
        """With the result that the record names, one attempt, and the usage that was expected at most."""
        with self.client() as client:
            record = self.record(client)
            spec = client.deck.models["m"].spec
            result = client.call(self.capability, record.sample(spec), model="m")
            assert isinstance(result, record.operations[0].result)
            assert [attempt.outcome for attempt in result.attempts] == ["ok"]
            assert result.usage == result.attempts[0].usage

    def test_a_setting_that_nobody_knows_is_refused(self) -> None:
        """Before anything is sent."""
        with self.client() as client, pytest.raises(UnsupportedInputError, match="no_such_setting"):
            client.call(self.capability, self.record(client).sample(None), model="m", no_such_setting=1)

    def test_a_deadline_that_is_over_ends_the_call(self) -> None:
        """With its own error."""
        with self.client() as client, pytest.raises(DeadlineExceededError):
            client.call(self.capability, self.record(client).sample(None), model="m", deadline=1e-9)

    def test_every_setting_reaches_a_request(self) -> None:
        """The record builds a request with each of its settings that has a smallest value or a choice."""
        with self.client() as client:
            record, spec = self.record(client), client.deck.models["m"].spec
            assert spec is not None
            for name, rule in record.settings.items():
                value = rule.minimum if rule.minimum is not None else next(iter(rule.choices), None)
                if value is not None and rule.partner is None:
                    assert record.build(record.sample(spec), evolve(spec), {name: value}, None).spec == spec
