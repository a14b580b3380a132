"""Tesseract, the program: https://tesseract-ocr.github.io/tessdoc/Command-Line-Usage.html."""

from importlib.resources import files

from pipelex_core.backend import BackendFactory, Option
from pipelex_core.hookspecs import hookimpl


def _create(config):
    from pipelex_tesseract._backend import TesseractBackend

    return TesseractBackend(config)


@hookimpl
def pipelex_backends():
    options = (
        Option(name="program", help="The program, where it is not on the PATH."),
        Option(name="dpi", type="int", help="Pixels per inch at which the pages of a PDF are drawn, 200 by default."),
    )
    return {"tesseract": BackendFactory(_create, options=options)}


@hookimpl
def pipelex_model_specs():
    return {"tesseract": files(__name__) / "tesseract.toml"}
