"""What a Markdown file holds: fenced blocks, links, headings, tables that are made."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]

_FENCE = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```\s*$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)[^)]*\)")
_CODE = re.compile(r"`([^`\n]+)`")


@frozen(kw_only=True)
class Block:
    """A fenced block.

    Attributes:
        file: Its file.
        line: Its first line of text, from 1.
        language: The word after the fence.
        text: Its content, verbatim.
    """

    file: Path
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        """`file:line`, from the root of the repository."""
        return f"{self.file.relative_to(ROOT)}:{self.line}"

    @property
    def named_file(self) -> str | None:
        """The file its first line names: `# backends.toml`, `# acme_pipelex/_backend.py: more`; None for none."""
        found = re.match(r"# (?:\.pipelex/inference/)?([\w./-]+\.(?:toml|py))\b", self.text)
        return found[1] if found else None


def documents() -> list[Path]:
    """Every Markdown file of the project."""
    found = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("core/*.md"), *ROOT.glob("plugins/*/*.md")]
    return sorted(found)


def blocks(file: Path, *languages: str) -> list[Block]:
    """The fenced blocks of a file, of these languages, in order."""
    text = file.read_text(encoding="utf-8")
    return [
        Block(file=file, line=text.count("\n", 0, found.start()) + 2, language=found[2], text=_dedented(found))
        for found in _FENCE.finditer(text)
        if found[2] in languages
    ]


def _dedented(found: re.Match[str]) -> str:
    return re.sub(f"^{found[1]}", "", found[3], flags=re.MULTILINE) if found[1] else found[3]


def prose(file: Path) -> str:
    """A file without its fenced blocks."""
    return _FENCE.sub("", file.read_text(encoding="utf-8"))


def links(file: Path) -> list[str]:
    """The targets of a file's links."""
    return [found[1] for found in _LINK.finditer(_CODE.sub("", prose(file)))]


def code_spans(file: Path) -> list[str]:
    """What is in single backticks."""
    return [found[1] for found in _CODE.finditer(prose(file))]


def anchors(file: Path) -> set[str]:
    """The names by which a file's headings are linked."""
    headings = re.findall(r"^#+ (.+)$", prose(file), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


_MADE = re.compile(r"(<!-- made: ([\w.-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def made_names(text: str) -> Iterator[str]:
    """The names of the parts of a text that are made."""
    for found in _MADE.finditer(text):
        yield found[2]


def with_made(text: str, made: dict[str, str]) -> str:
    """A text, each part between `<!-- made: NAME -->` and `<!-- end -->` replaced."""
    return _MADE.sub(lambda found: f"{found[1]}\n{made[found[2]].strip()}\n\n{found[3]}", text)
