"""`pipelex rerank`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import CycloptsError, Parameter

from pipelex_cli.output import print_json, result_as_json, write
from pipelex_cli.text_input import file_text, prompt_text
from pipelex_core.command_line import Context


def rerank(
    query: Annotated[str, Parameter(allow_leading_hyphen=True)],
    *documents: Annotated[str, Parameter(allow_leading_hyphen=True)],
    model: Annotated[str | None, Parameter(name=["--model", "-m"])] = None,
    lines: Path | None = None,
    top_n: int | None = None,
    deadline: float | None = None,
    json: bool = False,
    context: Annotated[Context, Parameter(parse=False)],
) -> int:
    """Order documents by how well they answer a query, the best first.

    Args:
        query: The question.
        documents: The texts.
        model: A preset, alias or model; the deck's default where it is left out.
        lines: A file whose lines are further documents.
        top_n: Most documents to rank.
        deadline: Seconds the call may take.
        json: Print one JSON document.
    """
    texts = [prompt_text(text) for text in documents]
    if lines is not None:
        texts += [line for line in file_text(lines).splitlines() if line.strip()]
    if not texts:
        raise CycloptsError(msg="rerank needs documents: pipelex rerank QUERY DOCUMENT…, or --lines FILE")
    with context.client() as client:
        result = client.rerank(prompt_text(query), texts, model=model, top_n=top_n, deadline=deadline)
    if json:
        ranking = [{"index": each.index, "score": each.score, "document": texts[each.index]} for each in result.ranking]
        print_json({"ranking": ranking, "score": result.score, **result_as_json(result)})
    else:
        for each in result.ranking:
            write(f"{each.score:.4f}  {texts[each.index]}\n")
    return 0
