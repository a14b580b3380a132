"""Lumen: a provider with an API of its own."""

from importlib.resources import files

from pipelex_core.backend import BackendFactory, Option
from pipelex_core.hookspecs import hookimpl


def _create(config):
    from pipelex_lumen._backend import LumenBackend

    return LumenBackend(config)


@hookimpl
def pipelex_backends():
    options = (Option(name="tenant", help="Who pays."),)
    return {"lumen": BackendFactory(_create, options=options, requires_key=True)}


@hookimpl
def pipelex_model_specs():
    return {"lumen": files(__name__) / "lumen.toml"}
