"""The example of docs/from-older-format.md, rewritten by `pipelex migrate` itself."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from pipelex_cli.edits.files import write_all
from pipelex_cli.edits.migration import migrate
from pipelex_core.plugins import discover
from tools.docs.markdown import ROOT, blocks

PAGE = ROOT / "docs" / "from-older-format.md"


def migrated_models() -> str:
    """The page's first file in the current form, as a block."""
    older = next(block for block in blocks(PAGE, "toml") if "[models." in block.text)
    with TemporaryDirectory() as folder:
        file = Path(folder, older.named_file or "")
        file.parent.mkdir(parents=True)
        file.write_text(older.text, encoding="utf-8")
        write_all(migrate(Path(folder), discover()))
        return f"```text\n{file.read_text(encoding='utf-8')}```"
