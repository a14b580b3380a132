"""What a plugin did against its contract, as the error that callers see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_core.errors import PluginError
from pipelex_core.execution.redaction import redacted

if TYPE_CHECKING:
    from pipelex_core.specs import BackendConfig, ModelSpec


def broken(error: Exception, spec: ModelSpec, config: BackendConfig) -> PluginError:
    """The error of a plugin that raised something else than a `CallError`."""
    return PluginError(f"sdk '{spec.sdk}' raised {_shown(error, config)}")


def failed_to_close(error: Exception, spec: ModelSpec, config: BackendConfig) -> PluginError:
    """The error of a middleware that raised something else than a `CallError` while a stream was closed."""
    return PluginError(
        f"a stream of model '{spec.name}' of backend '{spec.backend}' failed to close: a middleware raised "
        f"{_shown(error, config)}"
    )


def _shown(error: Exception, config: BackendConfig) -> str:
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f" at {place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place else ""
    return f"{type(error).__name__}{where}, which is no CallError: {redacted(str(error), config)}"


def wrong_answer(spec: ModelSpec, answer: object) -> PluginError:
    """A plugin gave something else than an answer."""
    msg = f"sdk '{spec.sdk}' ended with {type(answer).__name__} where an answer was due"
    return PluginError(msg)
