"""The files of `plugins/serve/deploy/`: linters take them, and their steps work without Docker."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.packaging.environments import ROOT
from tests.servers.redis import redis_server
from tests.support.serving import write_project

DEPLOY = ROOT / "plugins" / "serve" / "deploy"
SCRIPTS = Path(sysconfig.get_path("scripts"))


@pytest.mark.parametrize(
    "command",
    [
        ["hadolint", "Dockerfile"],
        ["yamllint", "--strict", "-d", "{extends: default, rules: {line-length: {max: 140}}}", "."],
        ["kubernetes-validate", "--strict", "kubernetes/gateway.yaml"],
    ],
    ids=lambda command: command[0],
)
def test_a_linter_takes_it(command: list[str]) -> None:
    """Without a word."""
    done = subprocess.run(
        [str(SCRIPTS / command[0]), *command[1:]], cwd=DEPLOY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def instruction(name: str) -> list[str]:
    """The last exec form of an instruction of the Dockerfile."""
    text = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
    found: list[str] = json.loads(re.findall(rf"^\s*(?:HEALTHCHECK .*)?{name} (\[.*\])$", text, re.MULTILINE)[-1])
    return found


def compose() -> dict[str, Any]:
    yaml = pytest.importorskip("yaml")
    document: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return document


def test_the_steps_work_without_docker(tmp_path: Path) -> None:
    """A key by the command of compose.yaml, the gateway by that of the Dockerfile, with Redis; its health check; SIGTERM."""
    write_project(tmp_path, {})
    service = compose()["services"]["gateway"]
    assert service["environment"]["PIPELEX_SERVE_SPEND"].startswith("redis://")
    text = (DEPLOY / "compose.yaml").read_text()
    step = re.search(r"run --rm gateway (serve keys add .*)", text)
    assert step is not None
    (entrypoint,) = instruction("ENTRYPOINT")
    program = [sys.executable, "-m", "pipelex_core"]
    assert entrypoint == "pipelex"
    port = _free_port()
    serve = [word if word != "8080" else str(port) for word in re.findall(r'"([^"]+)"', _last_line("CMD"))]
    with redis_server() as server:
        environ = {
            **os.environ,
            "PIPELEX_SERVE_SPEND": server.url,
            "PIPELEX_SERVE_ADMIN_KEY": "admin-of-the-container",
            "HOME": str(tmp_path),
        }
        made = subprocess.run(
            [*program, *shlex.split(step[1])], env=environ, cwd=tmp_path, check=True, capture_output=True, text=True
        )
        with subprocess.Popen([*program, *serve], env=environ, cwd=tmp_path, stdout=subprocess.DEVNULL) as process:
            try:
                check = [word.replace("8080", str(port)) for word in _health_check()]
                until = time.monotonic() + 60
                while subprocess.run([sys.executable, *check[1:]], capture_output=True, check=False).returncode:
                    assert time.monotonic() < until
                    time.sleep(0.2)
                headers = {"authorization": f"Bearer {made.stdout.strip()}"}
                body = {"model": "m", "max_tokens": 20, "messages": [{"role": "user", "content": "Hello"}]}
                url = f"http://127.0.0.1:{port}"
                assert httpx2.post(f"{url}/v1/chat/completions", json=body).status_code == 401
                assert httpx2.post(f"{url}/v1/chat/completions", json=body, headers=headers).status_code == 200
                metrics = httpx2.get(f"{url}/metrics", headers={"authorization": "Bearer admin-of-the-container"})
                assert "pipelex_serve_calls_total" in metrics.text
                process.send_signal(signal.SIGTERM)
                assert process.wait(30) == 0
            finally:
                process.kill()


def _last_line(name: str) -> str:
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    return next(line for line in reversed(lines) if line.startswith(f"{name} "))


def _health_check() -> list[str]:
    text = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
    found = re.search(r"HEALTHCHECK [^\[]*CMD (\[.*\])", text)
    assert found is not None
    words: list[str] = json.loads(found[1])
    return words


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_what_prometheus_asks_is_there() -> None:
    """Its path and its secret are those of the gateway and of compose.yaml."""
    yaml = pytest.importorskip("yaml")
    (job,) = yaml.safe_load((DEPLOY / "prometheus.yaml").read_text())["scrape_configs"]
    assert job["metrics_path"] == "/metrics"
    secret = job["authorization"]["credentials_file"].rpartition("/")[2]
    document = compose()
    assert secret in document["services"]["prometheus"]["secrets"]
    assert document["secrets"][secret]["environment"] == "PIPELEX_SERVE_ADMIN_KEY"
