"""Run every benchmark: a table on stdout, and the figures in benchmarks.json."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import attrs

from tools.benchmarks import (
    bulk,
    calls,
    decks,
    fallback,
    gateway,
    healthy,
    instructions,
    local_vectors,
    providers,
    startup,
    throughput,
    vectors,
)
from tools.benchmarks.table import Row, print_rows

SUITES = {
    "startup": startup.run,
    "decks": decks.run,
    "calls": calls.run,
    "fallback": fallback.run,
    "instructions": instructions.run,
    "providers": providers.run,
    "healthy": healthy.run,
    "throughput": throughput.run,
    "vectors": vectors.run,
    "local vectors": local_vectors.run,
    "bulk": bulk.run,
    "gateway": gateway.run,
}


def main(names: list[str]) -> None:
    """Run the suites named, or all."""
    rows: list[Row] = []
    for name, suite in SUITES.items():
        if not names or name in names:
            measured = suite()
            print_rows(measured)
            rows += measured
    Path("benchmarks.json").write_text(json.dumps([attrs.asdict(row) for row in rows], indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
