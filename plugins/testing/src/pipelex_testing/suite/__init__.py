"""The scenarios that a backend goes through: inherit `Conformance`, and say what the backend is."""

from __future__ import annotations

from pipelex_testing.suite.answers import Answers
from pipelex_testing.suite.clocks import Clocks
from pipelex_testing.suite.conversations import Conversations
from pipelex_testing.suite.failures import Failures
from pipelex_testing.suite.lasting import Lasting
from pipelex_testing.suite.malformed import Malformed
from pipelex_testing.suite.media import MediaScenarios
from pipelex_testing.suite.registration import Registration
from pipelex_testing.suite.secrets import Secrets


class Conformance(Answers, Conversations, MediaScenarios, Failures, Malformed, Clocks, Lasting, Secrets, Registration):
    """What a backend claims, and the scenarios that prove it.

        class TestAcme(Conformance):
            plugin = pipelex_backend_acme
            sdk = "acme"
            wire = OpenAIChat()
            claims = frozenset({"text", "stream", "object"})

    Attributes:
        plugin: The plugin's module; None for the plugins that are installed.
        sdk: What model specs name.
        wire: What the kit's server speaks; None for an engine in this process, which answers by itself: scenarios that
            need a provider's server are absent, and the certificate names them.
        claims: What the backend can do. Scenarios of what it does not claim are left out, and it must not look as if it
            could: its class must not have the capability either.
        backend: Name of the backend's table; the sdk's where it is empty.
        model_ids: What the models are called at the provider, by type.
        editor_id: What the model that changes pictures is called; the one of `model_ids` where it is empty.
        listener_id: What the language model that takes recordings is called; likewise.
        options: Further keys of the backend's table.
        model_options: Further keys of the language model's spec.
        formats: The encodings that its speech may have; the first, or `mp3`, is what is wanted.
        thinking: Settings of a call that make the model think.
        takes_key: Whether the backend has a key.
        variables: Environment variables that the shipped defaults of the backend's table need.
        sdk_modules: What must not be imported when the plugin is: the SDK's packages.
    """
