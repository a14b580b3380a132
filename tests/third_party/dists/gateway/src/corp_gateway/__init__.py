"""The models behind the company's gateway, which speaks OpenAI's API: specs, and no code."""

from importlib.resources import files

from pipelex_core.hookspecs import hookimpl


@hookimpl
def pipelex_model_specs():
    return {"corp": files(__name__) / "corp.toml"}
