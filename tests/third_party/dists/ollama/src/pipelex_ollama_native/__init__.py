"""Ollama's own API, `POST /api/chat`: https://docs.ollama.com/api/chat."""

from importlib.resources import files

from pipelex_core.backend import BackendFactory, Option
from pipelex_core.hookspecs import hookimpl


def _create(config):
    from pipelex_ollama_native._backend import OllamaBackend

    return OllamaBackend(config)


@hookimpl
def pipelex_backends():
    options = (Option(name="keep_alive", help="How long a model stays in memory, such as 10m."),)
    return {"ollama_native": BackendFactory(_create, options=options)}


@hookimpl
def pipelex_model_specs():
    return {"ollama_native": files(__name__) / "ollama_native.toml"}
