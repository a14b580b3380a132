"""The command line in a process of its own, as a shell starts it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def run_pipelex(*arguments: str, cwd: Path, stdin: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `pipelex` in a folder, without the keys of the environment; its output, and how it ended."""
    environ = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    return subprocess.run(
        [str(Path(sys.executable).with_name("pipelex")), *arguments],
        cwd=cwd,
        env={**environ, "HOME": str(cwd), **variables},
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
