"""Files of a project, as tests write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def write_files(root: Path, files: Mapping[str, str]) -> Path:
    """Write texts into files below a folder, which is returned; parents are made."""
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return root


def write_inference(root: Path, files: Mapping[str, str]) -> Path:
    """Write a project's configuration, by names such as `deck/base.toml`; its folder `inference` is returned."""
    return write_files(root / ".pipelex" / "inference", files)
