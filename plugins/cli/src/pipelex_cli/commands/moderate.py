"""`pipelex moderate`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import CycloptsError, Parameter

from pipelex_cli.output import print_json, result_as_json, write
from pipelex_cli.text_input import prompt_text
from pipelex_core.command_line import Context


def moderate(
    *texts: Annotated[str, Parameter(allow_leading_hyphen=True)],
    model: Annotated[str | None, Parameter(name=["--model", "-m"])] = None,
    deadline: float | None = None,
    json: bool = False,
    context: Annotated[Context, Parameter(parse=False)],
) -> int:
    """Find what is harmful in texts: a verdict on each, with the categories that it falls into.

    Args:
        texts: The texts; `-` reads one from stdin.
        model: A preset, alias or model; the deck's default where it is left out.
        deadline: Seconds the call may take.
        json: Print one JSON document, with the score of every category.
    """
    if not texts:
        raise CycloptsError(msg="moderate needs a text: pipelex moderate TEXT…")
    inputs = [prompt_text(text) for text in texts]
    with context.client() as client:
        result = client.moderate(inputs, model=model, deadline=deadline)
    if json:
        print_json({"flagged": result.flagged, "verdicts": result["verdicts"], **result_as_json(result)})
    else:
        for verdict in result.verdicts:
            found = [
                f"{name} ({verdict.scores.get(name, 1):.2f})" for name, is_in in verdict.categories.items() if is_in
            ]
            write(f"{', '.join(found) or 'flagged'}\n" if verdict.flagged else "-\n")
    return 0
