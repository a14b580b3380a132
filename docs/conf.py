"""How Sphinx builds the site: `poe site`. `tools/docs/site.py` puts the pages together; their order is in index.md."""

from __future__ import annotations

project = "Pipelex Core"
extensions = ["myst_parser"]
myst_heading_anchors = 4
html_theme = "furo"
html_title = "Pipelex Core"
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
