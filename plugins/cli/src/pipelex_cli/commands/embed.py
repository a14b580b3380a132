"""`pipelex embed`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import CycloptsError, Parameter

from pipelex_cli.output import print_rows, result_as_json, write
from pipelex_cli.text_input import file_text, prompt_text
from pipelex_core.command_line import Context

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipelex_core.results import EmbeddingResult

_SHOWN_NUMBERS = 4
_SHOWN_CHARACTERS = 40


def embed(
    *texts: Annotated[str, Parameter(allow_leading_hyphen=True)],
    model: Annotated[str | None, Parameter(name=["--model", "-m"])] = None,
    file: Annotated[Path | None, Parameter(name=["--file", "-f"])] = None,
    purpose: Literal["query", "document"] | None = None,
    dimensions: int | None = None,
    deadline: float | None = None,
    json: bool = False,
    context: Annotated[Context, Parameter(parse=False)],
) -> int:
    """Make vectors of texts: whole with `--json`, else a line a text to look at.

    Args:
        texts: The texts; `-` reads one from stdin.
        model: A preset, alias or model; the deck's default where it is left out.
        file: A file of which each line that is not blank is a text.
        purpose: Whether the vectors are to search with, or to be found.
        dimensions: Numbers in a vector, where the model has a choice.
        deadline: Seconds the call may take.
        json: Print one JSON document.
    """
    inputs = [prompt_text(text) for text in texts]
    if file is not None:
        inputs += [line for line in file_text(file).splitlines() if line.strip()]
    if not inputs:
        raise CycloptsError(msg="embed needs a text: pipelex embed TEXT…, or --file FILE")
    with context.client() as client:
        result = client.embed(inputs, model=model, purpose=purpose, dimensions=dimensions, deadline=deadline)
    if json:
        further = {"dimensions": result.dimensions, "normalised": result.normalised, "purpose": result.purpose}
        print_rows("vectors", _rows(result), {**further, **result_as_json(result)})
    else:
        for line in _lines(inputs, result):
            write(f"{line}\n")
    return 0


def _rows(result: EmbeddingResult) -> Iterator[list[float]]:
    """The numbers as short as they are exact: nine digits tell every float32 from its neighbours."""
    return ([float(f"{number:.9g}") for number in row] for row in result.vectors)


def _lines(texts: Sequence[str], result: EmbeddingResult) -> Iterator[str]:
    for text, row in zip(texts, result.vectors, strict=True):
        numbers = " ".join(f"{number: .4f}" for number in row[:_SHOWN_NUMBERS])
        shown = " ".join(text.split())
        shown = shown if len(shown) <= _SHOWN_CHARACTERS else f"{shown[: _SHOWN_CHARACTERS - 1]}…"
        yield f"{numbers} …  {shown}"
    count = len(result.vectors)
    yield (
        f"{count} vector{'' if count == 1 else 's'} of {result.dimensions} dimensions from {result.model} at {result.backend}"
    )
