"""The data of `pipelex-catalogue`, from the specs that plugins ship: `python -m tools.catalogue.distribution [--day DAY] [--check]`."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

import tomli

from tools.catalogue.directory import directory

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "plugins" / "catalogue" / "src" / "pipelex_catalogue"
FORM = 1
_VERSION = re.compile(r'^version = "[^"]*"$', re.MULTILINE)


def main(arguments: list[str] | None = None) -> int:
    """Write the files, or with `--check` tell which differ; 1 where one does."""
    parser = argparse.ArgumentParser(prog="python -m tools.catalogue.distribution", description=__doc__)
    parser.add_argument("--day", help="the day of the catalogue, by default as it is")
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    chosen = parser.parse_args(arguments)
    texts = made(chosen.day or day())
    differ = [path for path, text in texts.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    differ += [path for path in (PACKAGE / "models").glob("*.toml") if path not in texts]
    for path in differ:
        if not chosen.check and path in texts:
            path.write_text(texts[path], encoding="utf-8")
        elif not chosen.check:
            path.unlink()
        sys.stdout.write(f"{'differs' if chosen.check else 'written'} {path.relative_to(ROOT)}\n")
    return 1 if differ and chosen.check else 0


def day() -> str:
    """The day of the catalogue as it is, such as 2026-11-30."""
    head = tomli.loads((PACKAGE / "catalogue.toml").read_text(encoding="utf-8"))
    return str(head["date"])


def made(of_day: str) -> dict[Path, str]:
    """Every file of the distribution that follows from the specs and the day, with its text."""
    project = PACKAGE.parents[1] / "pyproject.toml"
    version = ".".join(str(int(number)) for number in of_day.split("-"))
    texts = {
        PACKAGE / "plugins.toml": directory(),
        ROOT / "plugins" / "cli" / "src" / "pipelex_cli" / "directory.toml": directory(),
        PACKAGE / "catalogue.toml": f"form = {FORM}\ndate = {of_day}\n",
        project: _VERSION.sub(f'version = "{version}"', project.read_text(encoding="utf-8"), count=1),
    }
    for path in sorted(ROOT.glob("plugins/*/src/*/specs/*.toml")):
        text = models_of(path.read_text(encoding="utf-8"))
        if text:
            texts[PACKAGE / "models" / path.name] = text
    return texts


def models_of(specs: str) -> str:
    """The models of a plugin's file without its `[backend]` and its comments; empty where no model has a day of its facts."""
    tables = re.split(r"(?m)^(?=\[)", "\n".join(line for line in specs.split("\n") if line and line[0] != "#"))
    kept = [table.strip() for table in tables if table.strip() and not table.startswith("[backend]")]
    text = "\n\n".join(kept) + "\n"
    wanted = {name: table for name, table in tomli.loads(specs).items() if name != "backend"}
    if tomli.loads(text) != wanted:
        msg = "the tables could not be taken over as they are"
        raise ValueError(msg)
    return text if any("as_of" in table for table in wanted.values()) else ""


if __name__ == "__main__":
    sys.exit(main())
