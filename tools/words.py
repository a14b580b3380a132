"""Words that the style of this project rules out, looked for in names, docstrings, messages and pages: `python -m tools.words`.

A name is wrong where one of its parts is in `NAMES`, prose where a phrase of `PHRASES` is in it. Generated pages and lists of
changes are not read: the first are made from the code, the others are history.
"""

import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

NAMES = {"asked": "requested", "given": "provided", "told": "reported", "said": "the thing itself: text, answer, data"}
"""Parts of names, and what to write instead."""

PHRASES = {
    r"\b(?:told|said)\b": "'reports', 'describes', 'shows'",
    r"\bstands\b(?! (?:in )?for\b|-in)": "'is'",
    r"(?<![Tt]here )\b(?:is|are) none\b(?! of)": "'is not a …', 'is malformed'",
    r"(?<![Tt]here )\b(?:is|are) no (?!longer|more|such|better|further|other|matter)[a-z]": "'is not a …'",
    r"\bthe way of an? \w+ (?:is|leads)\b": "how it works, in plain words",
    r"\bof late\b": "'recently'",
}
"""Idioms as regular expressions, and what to write instead."""

_CODE = re.compile(r"`[^`]*`|\{[^}]*\}")

UNREAD = re.compile(r"CHANGELOG|^docs/(certificates|reference|commands|errors)|^tests/|\.tmpl$|^findings/")
"""Files whose prose is not read."""


def words_in_python(text: str) -> Iterator[tuple[int, str, bool]]:
    """Yield the names and texts of a module: line, what is written there, and whether it is a name."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.NAME:
            yield token.start[0], token.string, True
        elif token.type in (tokenize.STRING, tokenize.COMMENT):
            for offset, line in enumerate(token.string.splitlines()):
                yield token.start[0] + offset, _CODE.sub("", line), False


def prose_of_page(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of a Markdown page that are not code."""
    is_code = False
    for number, line in enumerate(text.splitlines(), start=1):
        if line.lstrip().startswith(("```", "~~~")):
            is_code = not is_code
        elif not is_code:
            yield number, _CODE.sub("", line)


def faults(name: str, text: str) -> Iterator[str]:
    """Yield one line for each wrong word of a file."""
    is_module = name.endswith(".py")
    foreign = {"given"} if "from hypothesis import" in text else set()
    found = words_in_python(text) if is_module else ((line, prose, False) for line, prose in prose_of_page(text))
    for line, words, is_name in found:
        if is_name:
            if words.startswith("test_"):
                continue
            for part in set(words.split("_")) & (NAMES.keys() - foreign):
                yield f"{name}:{line}: the name '{words}': not '{part}', but {NAMES[part]}"
        elif not UNREAD.search(name):
            for phrase, instead in PHRASES.items():
                if match := re.search(phrase, words):
                    yield f"{name}:{line}: '{match.group()}': write {instead}"


def main() -> int:
    """Print every fault; the exit code is 1 where there is one."""
    files = subprocess.run(
        ["git", "ls-files", "*.py", "*.md"], capture_output=True, text=True, check=True
    ).stdout.split()
    lines = [
        fault
        for name in files
        if name != "tools/words.py"
        for fault in faults(name, Path(name).read_text(encoding="utf-8"))
    ]
    print("\n".join(lines) if lines else "no word of the list was found")
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main())
