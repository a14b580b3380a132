"""`pipelex extract`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from pipelex_cli.completion import handles
from pipelex_cli.files import check_place, write_image
from pipelex_cli.output import print_json, result_as_json, write
from pipelex_core.command_line import Context

if TYPE_CHECKING:
    from pipelex_core.results import DocumentResult, Image


def extract(
    file: str,
    *,
    model: Annotated[str | None, Parameter(name=["--model", "-m"], completer=handles)] = None,
    images: Annotated[Path | None, Parameter(name=["--images", "-o"])] = None,
    max_nb_images: int | None = None,
    image_min_size: int | None = None,
    deadline: float | None = None,
    json: bool = False,
    context: Annotated[Context, Parameter(parse=False)],
) -> int:
    """Take the pages out of a PDF or an image: their text, and with `--images` their images.

    Args:
        file: Path or URL.
        model: A preset, alias or model; the deck's default where it is left out.
        images: A folder to write the images to.
        max_nb_images: Most images to cut out; 0 for none.
        image_min_size: Smallest side of an image, in pixels.
        deadline: Seconds the call may take.
        json: Print one JSON document.
    """
    if images:
        check_place(images / "page")
    with context.client() as client:
        result = client.extract(
            file, model=model, max_nb_images=max_nb_images, image_min_size=image_min_size, deadline=deadline
        )
    written = _write_images(result, images) if images else {}
    if json:
        pages = [
            {"index": page.index, "text": page.text, "images": [_image(image, written) for image in page.images]}
            for page in result.pages
        ]
        print_json({"pages": pages, **result_as_json(result)})
    else:
        write("\n\f\n".join(page.text for page in result.pages).rstrip("\n") + "\n")
    return 0 if all(in_place for _, in_place in written.values()) else 1


def _write_images(result: DocumentResult, folder: Path) -> dict[int, tuple[Path, bool]]:
    """Every image in a file of its own; the path, and whether it is in that folder, by the identity of the image."""
    return {
        id(image): write_image(folder / f"page-{page.index + 1}-image-{number}", image)
        for page in result.pages
        for number, image in enumerate(page.images, start=1)
    }


def _image(image: Image, written: dict[int, tuple[Path, bool]]) -> dict[str, Any]:
    path, _ = written.get(id(image), (None, True))
    return {
        "name": image.name,
        "content_type": image.content_type,
        "width": image.width,
        "height": image.height,
        "bytes": len(image.data),
        "path": path and str(path),
    }
