"""A picture as SVG: Graphviz lays it out, in this process; pygraphviz brings it along."""

from __future__ import annotations

import os
import re
import sys
from contextlib import contextmanager
from html import escape
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pipelex_cli.report.picture import NOWHERE, backends_of
from pipelex_core.errors import PipelexError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelex_cli.report.picture import Node, Picture

MARK = "<!-- drawn by pipelex show routes -->"
"""A mark in every file that was drawn here, which may be replaced."""

_MOST = 48  # characters of a line of a node
_COLUMN = 12  # names in a column of models that no handle leads to
_SHAPES = {"preset": "note", "alias": "box", "model": "box", "more": "box", "route": "cds", "backend": "component"}
_FILLS = {
    "preset": "#fff3d6",
    "alias": "#e3edfc",
    "model": "#ffffff",
    "more": "#f7f7f7",
    "route": "#efe6fa",
    "backend": "#dff2e3",
}
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_STYLE = """
text { font-family: system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
.off { opacity: .62; } .off polygon, .off path { stroke-dasharray: 4 3; }
@media (prefers-color-scheme: dark) {
  svg { background: #15181d; } .graph > polygon { fill: #15181d; }
  text { fill: #e8eaed; } .edge path, .node path, .node polygon, .node polyline { stroke: #9aa4b2; }
  .edge polygon { fill: #9aa4b2; stroke: #9aa4b2; } .cluster polygon, .cluster path { fill: #1c2027; stroke: #4a525e; }
  .preset polygon { fill: #4a3c14; } .alias path, .alias polygon { fill: #1d3557; }
  .model path, .model polygon { fill: #2a2f37; } .more path, .more polygon { fill: #22262d; }
  .route polygon { fill: #3b2a57; } .backend polygon { fill: #1f4429; }
}
"""


def draw_svg(picture: Picture, *, title: str) -> bytes:
    """The SVG, in UTF-8; light or dark as whoever looks at it likes.

    Raises:
        PipelexError: pygraphviz is not installed.
    """
    try:
        pygraphviz: Any = import_module("pygraphviz")
    except ImportError as error:
        msg = f"a picture needs pygraphviz, which cannot be imported ({error}); run: pip install 'pipelex-cli[graph]'"
        raise PipelexError(msg) from error
    graph = pygraphviz.AGraph(strict=False, directed=True)
    graph.graph_attr.update(rankdir="LR", ranksep="0.6", nodesep="0.12", fontname="Helvetica", compound="true")
    graph.node_attr.update(fontname="Helvetica", fontsize="11", style="filled", height="0.3", margin="0.12,0.05")
    graph.edge_attr.update(fontname="Helvetica", fontsize="9", arrowsize="0.6", color="#667085")
    names = {key: f"n{number}" for number, key in enumerate(picture.nodes)}
    for key, node in picture.nodes.items():
        graph.add_node(names[key], **_attributes(node))
    for number, backend in enumerate(backends_of(picture.nodes.values())):
        inside = [names[key] for key, node in picture.nodes.items() if node.backend == backend]
        label = _escaped("unavailable" if backend == NOWHERE else backend)
        box = {"label": label, "style": "rounded,filled", "fillcolor": "#fafafa", "color": "#d0d5dd"}
        graph.add_subgraph(inside, name=f"cluster_{number}", fontsize="12", tooltip=label, **box)
    for (start, end), text in picture.edges.items():
        dashed = {"style": "dashed"} if picture.nodes[end].off else {}
        graph.add_edge(names[start], names[end], label=text, **dashed)
    with _quiet():
        drawn = graph.draw(format="svg", prog="dot").decode("utf-8")
    head, _, body = drawn.partition('<g id="graph0"')
    extra = f"<title>{escape(_clean(title))}</title>\n<style>{_STYLE}</style>\n"
    head = head.replace("<svg ", f'{MARK}\n<svg role="img" ', 1)
    return f'{head}{extra}<g id="graph0"{body}'.encode()


def _attributes(node: Node) -> dict[str, str]:
    return {
        "shape": _SHAPES[node.kind],
        "label": _label(node),
        "tooltip": _escaped(node.hint or node.kind),
        "class": f"{node.kind} off" if node.off else node.kind,
        "fillcolor": _FILLS[node.kind],
        "style": "filled,rounded" if _SHAPES[node.kind] == "box" else "filled",
        "color": "#667085",
        "margin": "0.2,0.06" if node.kind == "route" else "0.12,0.05",
    }


def _label(node: Node) -> str:
    """Lines from the left; many names in columns would be wider than they help, so that they are lines too."""
    lines = [_escaped(_cut(line)) for line in node.lines]
    if node.kind != "more":
        return "\\n".join(lines)
    rows = [", ".join(lines[place : place + 2]) for place in range(0, len(lines), 2)] if len(lines) > _COLUMN else lines
    return "".join(f"{row}\\l" for row in rows)


def _cut(text: str) -> str:
    return text if len(text) <= _MOST else f"{text[: _MOST - 1]}…"


def _escaped(text: str) -> str:
    """A text as Graphviz shows it letter by letter: no escape, no entity, no HTML, no character that XML has not."""
    return escape(_clean(text), quote=False).replace("\\", "\\\\")


def _clean(text: str) -> str:
    return _NO_XML.sub("\ufffd", text.replace("\n", " ").replace("\r", " ").replace("\t", " "))


@contextmanager
def _quiet() -> Iterator[None]:
    """Lead stderr nowhere: the bundled font library speaks of the system's font settings there."""
    try:
        kept = os.dup(2)
    except OSError:  # it is closed
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        if sys.stderr is not None:
            sys.stderr.flush()
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
