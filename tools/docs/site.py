"""The documentation as a site: the pages of `docs/`, and the plugins' READMEs, built by Sphinx; every warning fails.

`python -m tools.docs.site [FOLDER]`, or `poe site`, writes it to `build/site`. The order of the pages is that of the links in
`docs/index.md`; a page that it does not name is one without a way to it, and Sphinx warns of it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from tools.docs.markdown import ROOT

_PARTS = re.compile(r"(^ *```.*?^ *```|`[^`\n]+`)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(!?\[[^\]]*\])\(([^)\s]+)((?:\s+\"[^\"]*\")?)\)")
_ENTRY = re.compile(r"^- \[[^\]]*\]\(([^)\s#]+)\)", re.MULTILINE)


def site_pages() -> dict[str, str]:
    """File of the repository -> its path in the site, without what comes of the pages' order."""
    pages = {
        str(file.relative_to(ROOT)): str(file.relative_to(ROOT / "docs")) for file in (ROOT / "docs").rglob("*.md")
    }
    pages |= {
        str(file.relative_to(ROOT)): f"plugins/{file.parent.name}.md" for file in ROOT.glob("plugins/*/README.md")
    }
    return {**pages, "CONTRIBUTING.md": "contributing.md", "docs/routing.svg": "routing.svg"}


def assemble(folder: Path, *, without: str | None = None) -> None:
    """Put the pages into a folder, their links adapted; `without` leaves one out of the order."""
    pages = site_pages()
    for file, target in pages.items():
        text = (ROOT / file).read_text(encoding="utf-8")
        if file == "docs/index.md":
            text += _order(text, without)
        if file == "docs/configuration.md":
            text += "\n```{toctree}\n:hidden:\n:glob:\n\nerrors/*\n```\n"
        place = folder / target
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(_relinked(text, file, pages) if file.endswith(".md") else text, encoding="utf-8")
    (folder / "conf.py").write_text((ROOT / "docs" / "conf.py").read_text(encoding="utf-8"), encoding="utf-8")


def build(source: Path, target: Path) -> str:
    """Build a site; what Sphinx had against it, empty where nothing."""
    command = [sys.executable, "-m", "sphinx", "-b", "html", "-q", "-n", "-W", "--keep-going", "-E"]
    done = subprocess.run([*command, str(source), str(target)], capture_output=True, text=True, check=False)
    return done.stderr if done.returncode else ""


def entries(index: str) -> dict[str, list[str]]:
    """Heading -> the files its list leads to, as index.md links them."""
    sections = re.split(r"^## (.+)$", index, flags=re.MULTILINE)
    return {name: _ENTRY.findall(text) for name, text in zip(sections[1::2], sections[2::2], strict=True)}


def _order(index: str, without: str | None) -> str:
    """The navigation: one list a heading of index.md."""
    made = ""
    for name, files in entries(index).items():
        targets = [file for file in files if file != without]
        made += f"\n```{{toctree}}\n:hidden:\n:caption: {name}\n\n" + "\n".join(targets) + "\n```\n"
    return made


def _relinked(text: str, file: str, pages: dict[str, str]) -> str:
    """Links to pages of the site lead to where those are there; what leads out of it is text."""

    def relink(found: re.Match[str]) -> str:
        path, _, anchor = found[2].partition("#")
        if not path or "://" in path:
            return found[0]
        target = os.path.normpath(PurePosixPath(file).parent / path)
        if target not in pages:
            return found[1][1:-1] if (ROOT / target).exists() else found[0]
        there = os.path.relpath(pages[target], PurePosixPath(pages[file]).parent)
        return f"{found[1]}({there}{'#' if anchor else ''}{anchor}{found[3]})"

    pieces = _PARTS.split(text)
    made = [
        piece if number % 2 and not piece.lstrip().startswith("```{toctree}") else _LINK.sub(relink, piece)
        for number, piece in enumerate(pieces)
    ]
    whole = "".join(made)
    return re.sub(r"^\.\./plugins/([\w-]+)/README\.md$", r"plugins/\1.md", whole, flags=re.MULTILINE).replace(
        "\n../CONTRIBUTING.md\n", "\ncontributing.md\n"
    )


def main() -> int:
    """Build the site; 1 where there was anything to warn of."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "site"
    with TemporaryDirectory() as source:
        assemble(Path(source))
        warnings = build(Path(source), target)
    print(warnings or f"written {target}")
    return 1 if warnings else 0


if __name__ == "__main__":
    sys.exit(main())
