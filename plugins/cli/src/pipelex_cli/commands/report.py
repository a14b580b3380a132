"""`pipelex report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from pipelex_cli.drawing import write_own
from pipelex_cli.output import print_json, write
from pipelex_core.command_line import Context


def report(
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])] = Path("deck.html"),
    force: bool = False,
    json: bool = False,
    context: Annotated[Context, Parameter(parse=False)],
) -> int:
    """Write the whole deck as one page: what goes where and why, what is unavailable and why, prices.

    The page needs no other file and no network, can be searched, and holds no key. A page that this command wrote before
    is replaced; any other file is not.

    Args:
        output: The file.
        force: Replace the file, whatever it holds.
        json: Print one JSON document.
    """
    from pipelex_cli.report.contents import contents_of
    from pipelex_cli.report.page import MARK, page_of
    from pipelex_cli.validation import Validation
    from pipelex_core import __version__

    plugins = context.plugins()
    loaded = context.load(plugins)
    problems = Validation(**context.where(), plugins=plugins, strict=False).report().problems
    contents = contents_of(loaded, plugins, version=__version__, problems=problems)
    data = page_of(contents).encode()
    write_own(output, data, mark=MARK, force=force)
    if json:
        print_json({"path": str(output), "bytes": len(data), "models": len(contents.models)})
    else:
        write(f"{output}\n")
    return 0
