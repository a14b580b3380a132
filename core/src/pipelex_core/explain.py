"""What an explanation of a handle holds; the command line's distribution gathers it, as people need it and calls do not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from pipelex_core.deck import ChainMember, ModelDeck, Resolution
from pipelex_core.estimates import Estimate
from pipelex_core.first_party import COMMAND_LINE, brought
from pipelex_core.plain import Plain
from pipelex_core.plugins import PluginRecord, Plugins
from pipelex_core.specs import BackendConfig, Source

if TYPE_CHECKING:
    from pipelex_core.config import LoadedConfig

GROUP = "pipelex_core.explain"
"""The entry point of a function with the signature of `explain`."""


@frozen
class Value(Plain):
    """A value in use.

    Attributes:
        value: The value, as it may be shown: a secret is `***`.
        source: Where it was written; None for one that follows from others, such as a default.
    """

    value: Any
    source: Source | None = None


@frozen
class Beaten(Plain):
    """A rule that fits a model too, and did not decide.

    Attributes:
        pattern: The route's pattern; None for the profile's default.
        backend: Where it would have led.
        why: Why it did not decide.
        source: Where it was written.
    """

    pattern: str | None
    backend: str
    why: str
    source: Source


@frozen(kw_only=True)
class MemberFacts(Plain):
    """One member of a chain.

    Attributes:
        member: The member.
        plugin: The plugin that serves it, or None.
        backend: Its backend, without its key, its options and what else may be secret; or None.
        backend_values: What is known of its backend: endpoint, variable of its key, options.
        spec_values: The keys of its spec.
        prices: Its prices that are known.
        as_of: The date of its prices, where whoever wrote them says it.
        settings: What would be sent to it.
        beaten: The rules that fit its name too.
        remedies: What would make it available, one way each; empty where it is.
    """

    member: ChainMember
    plugin: PluginRecord | None = None
    backend: BackendConfig | None = None
    backend_values: Mapping[str, Value] = field(factory=dict)
    spec_values: Mapping[str, Value] = field(factory=dict)
    prices: Mapping[str, Value] = field(factory=dict)
    as_of: Value | None = None
    settings: Mapping[str, Value] = field(factory=dict)
    beaten: tuple[Beaten, ...] = ()
    remedies: tuple[str, ...] = ()


@frozen(kw_only=True)
class Explanation(Plain):
    """What a handle means, and why.

    Attributes:
        resolution: What `deck.resolve` gave.
        members: What is known of each member of the chain, first to last.
        purpose: What its capability is for, in a word or two.
        profile: Name of the active routing profile, or None.
        estimate: What a call with a prompt would use and cost; None where no prompt was given, or nothing can be called.
        no_estimate: Why a prompt that was given has no estimate: what the call would fail with; or None.
    """

    resolution: Resolution
    members: tuple[MemberFacts, ...] = ()
    purpose: str = ""
    profile: str | None = None
    estimate: Estimate | None = None
    no_estimate: str | None = None

    @property
    def chosen(self) -> MemberFacts | None:
        """The member that a call asks first; None where none can be called."""
        chosen = self.resolution.chosen
        return next((facts for facts in self.members if facts.member == chosen), None)


def explain(
    handle: str | Mapping[str, Any],
    capability: str,
    *,
    deck: ModelDeck,
    plugins: Plugins,
    config: LoadedConfig | None = None,
) -> Explanation:
    """Resolve a handle as a call would, and gather what there is to say about it.

    Args:
        handle: As for a call.
        capability: What the handle is for.
        deck: What the call resolves it in.
        plugins: Who serves the models.
        config: What the deck was loaded from; without it, origins and remedies are absent.

    Raises:
        ConfigError: The handle exists nowhere.
        UnsupportedInputError: There is no such capability.
        PluginError: The command line's distribution is not installed.
    """
    gather = brought(GROUP, COMMAND_LINE, "explanations come with the command line, which is not installed")
    explanation: Explanation = gather(handle, capability, deck=deck, plugins=plugins, config=config)
    return explanation
