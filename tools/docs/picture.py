"""The picture of docs/routing.md, drawn from what the page's own example resolves to."""

from __future__ import annotations

from functools import cache
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory

import tomli
from attrs import frozen

from pipelex_core.config import load
from pipelex_core.plugins import discover
from tools.docs.docstrings import table
from tools.docs.markdown import ROOT, blocks

PAGE = ROOT / "docs" / "routing.md"
FILE = ROOT / "docs" / "routing.svg"
HANDLE = "llm_to_extract_invoice"
_ROW, _TOP, _WIDTH = 64, 84, 892


@frozen
class Step:
    """One member of the chain: the model, the rule that won, its backend, and why it cannot be called, or None."""

    model: str
    rule: str
    backend: str
    reason: str | None
    chosen: bool


@cache
def steps() -> tuple[str, str, tuple[Step, ...]]:
    """Alias, settings and members, as the deck of the page's example resolves the preset."""
    with TemporaryDirectory() as folder:
        inference = Path(folder, ".pipelex", "inference")
        for block in blocks(PAGE, "toml"):
            tomli.loads(block.text)
            file = inference / (block.named_file or "")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text, encoding="utf-8")
        environ = {"HOME": folder, **dict.fromkeys(("OPENAI_API_KEY", "AZURE_API_KEY"), "some-value")}
        environ["AZURE_API_BASE"] = "https://azure.example.org"
        deck = load(config=inference, environ=environ, plugins=discover()).deck
    found = deck.resolve(HANDLE, "llm")
    members = []
    for member in found.chain:
        route = member.entry.route
        rule = f"{route.rule} {route.pattern}" if route.pattern and route.rule == "pattern" else route.rule
        off = not member.available
        members.append(
            Step(member.name, rule, str(route.backend), "off" if off else None, chosen=member is found.chosen)
        )
    settings = ", ".join(f"{name} {value}" for name, value in found.settings.items())
    return deck.presets["llm"][HANDLE].model, settings, tuple(members)


def in_words() -> str:
    """The sentence that says what the picture shows."""
    alias, _, members = steps()
    reported = "; ".join(
        f"{step.model} by {step.rule} to {step.backend}"
        + (", which is off" if step.reason else ", which answers" if step.chosen else ", which waits")
        for step in members
    )
    return f"From the preset {HANDLE} to the alias {alias}, and from there to three models in order: {reported}."


def picture() -> str:
    """The page's part: the picture with its text alternative."""
    return f"![{in_words()}](routing.svg)"


def words() -> str:
    """The same as a table."""
    rows = (
        (f"`{step.model}`", step.rule, f"`{step.backend}`", step.reason or ("answers" if step.chosen else "waits"))
        for step in steps()[2]
    )
    return table(("model", "rule", "backend", "then"), rows)


def svg() -> str:
    """The picture itself: readable on light and on dark ground, and by those who cannot see it."""
    alias, settings, members = steps()
    height = _TOP + _ROW * len(members) + 8
    middle = _TOP + _ROW * len(members) / 2 - 12
    box = f'viewBox="0 0 {_WIDTH} {height}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {box} role="img" aria-labelledby="title desc">',
        f'<title id="title">The way of {HANDLE}</title>',
        f'<desc id="desc">{escape(in_words())}</desc>',
        _STYLE,
    ]
    for at, head in zip((16, 216, 376, 560, 716), ("preset", "alias", "model", "route", "backend"), strict=True):
        lines.append(f'<text class="head" x="{at}" y="32">{head}</text>')
    lines += _box(16, middle, 176, (HANDLE, settings))
    lines += _box(216, middle, 120, (alias, "a chain"))
    lines.append(_line((192, middle), (216, middle), "on"))
    for number, step in enumerate(members):
        y = _TOP + _ROW * number - 12 + _ROW / 2
        kind = "off" if step.reason else "chosen" if step.chosen else "on"
        lines += [
            _line((336, middle), (376, y), kind),
            _line((524, y), (560, y), kind),
            _line((696, y), (716, y), kind),
        ]
        lines += _box(376, y, 148, (step.model, f"{number + 1}"), kind)
        lines += _box(560, y, 136, (step.rule, ""), kind)
        lines += _box(716, y, 160, (step.backend, step.reason or ("answers" if step.chosen else "waits")), kind)
    return "\n".join([*lines, "</svg>", ""])


def _box(x: float, y: float, width: float, text: tuple[str, str], kind: str = "on") -> list[str]:
    above, below = text
    size = ' textLength="164" lengthAdjust="spacingAndGlyphs"' if len(above) > 20 else ""
    made = [f'<rect class="{kind}" x="{x:g}" y="{y - 22:g}" width="{width:g}" height="44" rx="6"/>']
    up = 4 if below else -4
    made.append(f'<text x="{x + 6:g}" y="{y - up:g}"{size}>{escape(above)}</text>')
    if below:
        made.append(f'<text class="small" x="{x + 6:g}" y="{y + 14:g}">{escape(below)}</text>')
    return made


def _line(start: tuple[float, float], end: tuple[float, float], kind: str) -> str:
    return f'<path class="{kind}" d="M{start[0]:g} {start[1]:g} L{end[0]:g} {end[1]:g}"/>'


_STYLE = """\
<style>
text { font: 14px sans-serif; fill: #1b1f24 }
.head { font-weight: bold }
.small { font-size: 12px }
rect { fill: #f4f6f8; stroke: #57606a }
path { stroke: #57606a; fill: none }
.chosen { stroke: #0a6640; stroke-width: 3 }
.off { stroke-dasharray: 4 4 }
@media (prefers-color-scheme: dark) {
text { fill: #f0f3f6 }
rect { fill: #21262d; stroke: #9ea7b3 }
path { stroke: #9ea7b3 }
.chosen { stroke: #4ac26b }
}
</style>"""
