"""Loading a configuration, resolving a handle, routing many models."""

from __future__ import annotations

import os
import time
from pathlib import Path

import tomli

from pipelex_cli.validation import Validation
from pipelex_cli.validation.formats import as_text
from pipelex_core.config import load, shipped
from pipelex_core.plugins import discover
from pipelex_core.routing import Route, RoutingProfile
from tools.benchmarks.table import Row, interleaved


def kit_folder() -> Path | None:
    """The real project's configuration, or None where it is absent."""
    folder = Path(os.environ.get("PIPELEX_KIT") or Path(__file__).resolve().parents[2].parent / "shared" / "kit")
    return folder if (folder / "all_enabled").is_dir() else None


def run(*, rounds: int = 21) -> list[Row]:
    """The kit's load beside tomli on the same files; a warm handle; a hundred thousand models."""
    rows = _loading(rounds)
    few, many = _routing(10_000), _routing(100_000)
    return [
        *rows,
        Row("routing 100,000 models by 1,000 patterns, CPU", many, "s", 5),
        Row("ten times the models cost", many / few, "x", 12),
    ]


def _loading(rounds: int) -> list[Row]:
    folder = kit_folder()
    if folder is None:
        return []
    plugins = discover(entry_points=())
    environ = dict(line.split("=", 1) for line in (folder / "dummy.env").read_text().splitlines() if "=" in line)
    config = folder / "all_enabled" / "inference"
    files = sorted(config.rglob("*.toml"))

    def parse() -> None:
        for file in files:
            tomli.loads(file.read_text(encoding="utf-8"))

    installed = discover()
    all_files = [*files, *(spec.file for spec in installed.shipped_specs)]

    def parse_all() -> None:
        for file in all_files:
            tomli.loads(file.read_text(encoding="utf-8"))

    def load_all() -> None:
        shipped._remembered.cache_clear()  # as in a process of its own: no plugin's file is parsed yet
        load(config=config, environ=environ, plugins=installed)

    def validate() -> None:
        as_text(Validation(config=config, environ=environ, plugins=plugins).report())

    taken = interleaved(
        {
            "load": lambda: load(config=config, environ=environ, plugins=plugins),
            "tomli": parse,
            "load, plugins": load_all,
            "tomli, plugins": parse_all,
            "validate": validate,
        },
        rounds=rounds,
    )
    deck = load(config=config, environ=environ, plugins=plugins).deck
    deck.resolve("llm_to_engineer")
    started = time.process_time()
    for _ in range(200_000):
        deck.resolve("llm_to_engineer")
    resolve = (time.process_time() - started) / 200_000
    return [
        Row(
            "load the kit, all backends / tomli on its files, CPU",
            taken["load"] / taken["tomli"],
            "x",
            4,
            f"{taken['load'] * 1e3:.1f} ms beside {taken['tomli'] * 1e3:.1f} ms",
        ),
        Row(
            "load the kit with all plugins / tomli on its and their files, CPU",
            taken["load, plugins"] / taken["tomli, plugins"],
            "x",
            4,
            f"{taken['load, plugins'] * 1e3:.1f} ms beside {taken['tomli, plugins'] * 1e3:.1f} ms; "
            f"{taken['load, plugins'] / taken['tomli']:.1f} x on its own files alone",
        ),
        Row(
            "validate the kit, offline, report included / load, CPU",
            taken["validate"] / taken["load"],
            "x",
            2,
            f"{taken['validate'] * 1e3:.1f} ms beside {taken['load'] * 1e3:.1f} ms",
        ),
        Row("deck.resolve of a warm handle", resolve * 1e6, "us", 2),
    ]


def _routing(count: int) -> float:
    patterns = [f"family{n}-*" if n % 3 == 0 else f"*-size{n}" if n % 3 == 1 else f"*-kind{n}-*" for n in range(1000)]
    profile = RoutingProfile(name="p", routes=tuple(Route(pattern, "b") for pattern in patterns))
    names = [f"family{n % 1500}-kind{n % 1300}-v{n}-size{n % 1700}" for n in range(count)]
    started = time.process_time()
    for name in names:
        profile.match(name)
    return time.process_time() - started
