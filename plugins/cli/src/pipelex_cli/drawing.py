"""`pipelex show routes --graph`, and files that are replaced only if we wrote them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cyclopts import CycloptsError

from pipelex_cli.files import write_atomically
from pipelex_cli.output import print_json, write
from pipelex_core.errors import PipelexError

if TYPE_CHECKING:
    from pathlib import Path

    from pipelex_core.command_line import Context


def draw(file: Path, handle: str | None, *, force: bool, json: bool, context: Context) -> int:
    """Draw the deck, or one handle of it, to an SVG file."""
    from pipelex_cli.report.picture import picture_of
    from pipelex_cli.report.svg import MARK, draw_svg

    if file.suffix.lower() != ".svg":
        raise CycloptsError(
            msg=f"the picture is SVG: name the file '{file.with_suffix('.svg').name}', not '{file.name}'"
        )
    loaded = context.load(context.plugins())
    picture = picture_of(loaded, handle)
    title = f"{handle} in {loaded.folder}" if handle else f"The deck in {loaded.folder}"
    data = draw_svg(picture, title=title)
    write_own(file, data, mark=MARK, force=force)
    if json:
        print_json({"path": str(file), "bytes": len(data), "nodes": len(picture.nodes)})
    else:
        write(f"{file}\n")
    return 0


def write_own(file: Path, data: bytes, *, mark: str, force: bool) -> None:
    """Write a file whole; one that is there and that this command did not write stays, unless it is forced.

    Raises:
        PipelexError: There is another file, or it cannot be written.
    """
    if not force and file.exists():
        try:
            with file.open("rb") as opened:
                is_ours = mark.encode() in opened.read(4096)
        except OSError as error:
            msg = f"'{file}' cannot be read: {error.strerror or error}"
            raise PipelexError(msg) from error
        if not is_ours:
            msg = f"'{file}' is there, and this command did not write it: name another file, or replace it with --force"
            raise PipelexError(msg)
    write_atomically(file, data)
