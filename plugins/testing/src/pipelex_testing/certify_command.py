"""`pipelex certify`."""

from __future__ import annotations

import json as json_format
import subprocess
import sys
from pathlib import Path

from pipelex_core.command_line import Context
from pipelex_core.errors import PipelexError
from pipelex_testing.pytest_plugin import CERTIFICATE, CERTIFICATE_OF, EVERY


def certify(
    plugin: str = EVERY,
    *,
    tests: Path = Path("tests"),
    to: Path = Path("certificates"),
    json: bool = False,
    context: Context,
) -> int:
    """Run the conformance suites of a plugin, and write the certificate of each backend that it serves.

    Args:
        plugin: A plugin, its distribution or one of its sdks; all plugins that the tests have suites for by default.
        tests: The file or folder with the suites, as `pipelex new-backend` writes them.
        to: The folder of the certificates.
        json: Print the certificates as one JSON document, and what pytest prints on stderr.
    """
    if not tests.exists():
        msg = f"there is no '{tests}': name the file or folder with the conformance suites as --tests"
        raise PipelexError(msg)
    before = {file: file.stat().st_mtime_ns for file in to.glob("*.json")}
    options = [f"{CERTIFICATE}={to}", f"{CERTIFICATE_OF}={plugin}", "-q", "-m", ""]
    done = subprocess.run(  # noqa: S603 -- pytest, on what the user named
        [sys.executable, "-m", "pytest", str(tests), *options], check=False, stdout=sys.stderr if json else None
    )
    written = sorted(file for file in to.glob("*.json") if before.get(file) != file.stat().st_mtime_ns)
    if not written and done.returncode in {0, 5}:
        whose = "" if plugin == EVERY else f" of '{plugin}'"
        msg = f"there is no conformance suite{whose} in '{tests}'"
        raise PipelexError(msg)
    certificates = [json_format.loads(file.read_text(encoding="utf-8")) for file in written]
    if json:
        context.print_json(certificates)
    else:
        for file in written:
            context.note(f"written   {file}")
    return 0 if certificates and all(each["certified"] for each in certificates) and done.returncode == 0 else 1
