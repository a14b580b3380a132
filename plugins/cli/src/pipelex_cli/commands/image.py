"""`pipelex image`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from pipelex_cli.completion import handles
from pipelex_cli.files import check_place, write_image
from pipelex_cli.output import print_json, result_as_json, write
from pipelex_cli.text_input import prompt_text
from pipelex_core.command_line import Context


def image(
    prompt: Annotated[str, Parameter(allow_leading_hyphen=True)],
    *,
    model: Annotated[str | None, Parameter(name=["--model", "-m"], completer=handles)] = None,
    output: Annotated[Path, Parameter(name=["--output", "-o"])] = Path("image"),
    edit: Annotated[list[str] | None, Parameter(name="--edit", negative="")] = None,
    mask: str | None = None,
    number: int | None = None,
    seed: int | None = None,
    deadline: float | None = None,
    json: bool = False,
    context: Annotated[Context, Parameter(parse=False)],
) -> int:
    """Generate images, or change some, and write them to files.

    Args:
        prompt: What to show, or how to change the pictures; `-` reads it from stdin.
        model: A preset, alias or model; the deck's default where it is left out.
        output: The file; several images get numbers, and a missing suffix is that of the image's type.
        edit: A picture to change or to follow, as a path or URL; may be repeated.
        mask: A PNG of the size of the first picture: only where it is transparent may the picture change.
        number: How many images.
        seed: For repeatable images.
        deadline: Seconds the call may take.
        json: Print one JSON document.
    """
    text = prompt_text(prompt)
    check_place(output)
    with context.client() as client:
        result = client.generate_image(
            text, model=model, images=edit or (), mask=mask, number=number, seed=seed, deadline=deadline
        )
    several = len(result.images) > 1
    written = [
        write_image(output.with_name(f"{output.stem}-{count}{output.suffix}") if several else output, made)
        for count, made in enumerate(result.images, start=1)
    ]
    if json:
        images = [
            {"path": str(path), "width": made.width, "height": made.height, "content_type": made.content_type}
            for (path, _), made in zip(written, result.images, strict=True)
        ]
        print_json({"images": images, "seed": result.seed, **result_as_json(result)})
    else:
        for path, _ in written:
            write(f"{path}\n")
    return 0 if all(in_place for _, in_place in written) else 1
