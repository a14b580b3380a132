"""docs/llms.txt, for programs that read documentation (https://llmstxt.org): made from the pages."""

from __future__ import annotations

import re

from tools.docs.markdown import ROOT
from tools.docs.site import entries

FILE = ROOT / "docs" / "llms.txt"
_SENTENCE = re.compile(r"(.+?[.!?])(?:\s|$)", re.DOTALL)
_ENTRY = re.compile(r"^- \[([^\]]*)\]\(([^)\s]+)\)(?:: (.+))?$", re.MULTILINE)


def llms_txt() -> str:
    """Title, what it is, and each page with what index.md, else its own first sentence, says of it, in the order of index.md."""
    index = ROOT / "docs" / "index.md"
    text = index.read_text(encoding="utf-8")
    lines = [f"# {title(text)}", "", f"> {first_sentence(text)}"]
    reported = {file: (name, words) for name, file, words in _ENTRY.findall(text)}
    for heading, files in entries(text).items():
        lines += ["", f"## {heading}", ""]
        for file in files:
            name, words = reported[file]
            lines.append(f"- [{name}]({file}): {words or first_sentence((index.parent / file).read_text('utf-8'))}")
    return "\n".join(lines) + "\n"


def title(text: str) -> str:
    """The first heading."""
    found = re.search(r"^# (.+)$", text, flags=re.MULTILINE)
    assert found is not None
    return found[1]


def first_sentence(text: str) -> str:
    """The first sentence below the first heading, links and marks taken off."""
    body = text.partition("\n")[2].strip()
    paragraph = next(
        (part for part in re.split(r"\n\s*\n", body) if not part.startswith(("#", "```", "<!--", "|"))), ""
    )
    plain = " ".join(re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", paragraph).split())
    found = _SENTENCE.match(plain)
    return found[1] if found else plain
