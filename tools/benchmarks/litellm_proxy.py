"""LiteLLM's proxy, in an environment of its own, for the gateway to be measured beside.

Its packages stay in `$PIPELEX_BENCH_ENVIRONMENTS`, or in the user's cache, for the next run; without a package index, or within
three minutes, there is no figure.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PACKAGE = "litellm[proxy]==1.110.*"
_INSTALL_S = 180
_CONFIG = """model_list:
  - model_name: m
    litellm_params: {{model: openai/gpt-4o-mini, api_base: "{url}/v1", api_key: sk-bench-0123456789}}
litellm_settings: {{telemetry: false}}
"""
_OFFLINE = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False", "NO_PROXY": "127.0.0.1"}


def installed() -> Path | None:
    """The program, or None where it cannot be installed."""
    place = os.environ.get("PIPELEX_BENCH_ENVIRONMENTS") or Path.home() / ".cache" / "pipelex-bench"
    folder = Path(place) / "litellm"
    program = folder / "bin" / "litellm"
    if program.is_file():
        return program
    uv = [sys.executable, "-m", "uv"]
    try:
        subprocess.run([*uv, "venv", "--quiet", "--clear", str(folder)], check=True, timeout=_INSTALL_S)
        subprocess.run(
            [*uv, "pip", "install", "--quiet", "--python", str(folder / "bin" / "python"), _PACKAGE],
            check=True,
            timeout=_INSTALL_S,
        )
    except (subprocess.SubprocessError, OSError) as error:
        sys.stderr.write(f"LiteLLM's proxy is not measured: {error}\n")
        return None
    return program


@contextmanager
def proxy(program: Path, url: str, port: int, key: str) -> Iterator[int]:
    """Its process, while it serves a provider at a port, for one key; the pid."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        config.write_text(_CONFIG.format(url=url), encoding="utf-8")
        command = [str(program), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
        with (
            Path(os.devnull).open("w") as nowhere,
            subprocess.Popen(
                command, stdout=nowhere, stderr=nowhere, env={**os.environ, **_OFFLINE, "LITELLM_MASTER_KEY": key}
            ) as process,
        ):
            try:
                yield process.pid
            finally:
                process.terminate()
