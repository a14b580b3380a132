"""Cohere, through its SDK: https://docs.cohere.com/reference/chat."""

from importlib.resources import files

from pipelex_core.backend import BackendFactory
from pipelex_core.hookspecs import hookimpl


def _create(config):
    from pipelex_cohere._backend import CohereBackend

    return CohereBackend(config)


@hookimpl
def pipelex_backends():
    return {"cohere": BackendFactory(_create, requires_key=True)}


@hookimpl
def pipelex_model_specs():
    return {"cohere": files(__name__) / "cohere.toml"}
