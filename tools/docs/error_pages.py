"""The pages of docs/errors/, one a code: what it means and what it is come from the code, its example from a run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pipelex_cli.validation.codes import MEANINGS
from tools.docs.codes import problem_codes
from tools.docs.error_examples import example
from tools.docs.error_texts import WORDS
from tools.docs.markdown import ROOT

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = ROOT / "docs" / "errors"
SHIPPED = ROOT / "plugins" / "cli" / "src" / "pipelex_cli" / "validation" / "pages.json"
"""The same pages, for `pipelex explain CODE`."""


def error_page(code: str, severity: str) -> str:
    """One page."""
    made, words = example(code), WORDS[code]
    article = "An error" if severity == "error" else "A warning" if severity == "warning" else "An error or a warning"
    return (
        f"# `{code}`\n\n{article}. {MEANINGS[code]}\n\n{words.why}\n\n## What to do\n\n{words.mend}\n\n"
        f"## Example\n\n{made.mistake.strip()}\n\n`pipelex validate` says:\n\n```text\n{made.report}\n```\n\n"
        "[All codes](../configuration.md#errors)\n"
    )


def error_pages() -> dict[Path, str]:
    """File -> text, of every page."""
    return {FOLDER / f"{code}.md": error_page(code, severity) for code, severity in sorted(problem_codes().items())}


def shipped_pages(pages: dict[Path, str]) -> str:
    """The text of the file that the command line ships."""
    return json.dumps({file.stem: text for file, text in sorted(pages.items())}, ensure_ascii=False, indent=1) + "\n"
