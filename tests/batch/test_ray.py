"""`--engine ray`: the same run on the nodes of a cluster. Ray is an optional extra: what needs it is slow, and installs it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_batch.engine import run
from pipelex_batch.settings import BatchError, BatchSettings
from tests.batch.project import BillingServer, client_in, write_project, write_rows
from tests.packaging.environments import ROOT
from tests.servers.base import in_thread
from tests.servers.redis import server_binary
from tools.docs.markdown import blocks

if TYPE_CHECKING:
    from pathlib import Path

_RAY = "ray>=2.50,<3"


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter with Ray, and behind that with all that this one has."""
    folder = tmp_path_factory.mktemp("ray") / "environment"
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "--quiet", "--python", sys.executable, str(folder)], check=True)
    found = folder / "bin" / "python"
    subprocess.run([*uv, "pip", "install", "--quiet", "--python", str(found), _RAY], check=True)
    (packages,) = (folder / "lib").glob("python*/site-packages")
    here = next(path for path in sys.path if path.endswith("site-packages"))
    (packages / "zz_workspace.pth").write_text(f"import site; site.addsitedir({here!r})\n")
    return found


def on_cluster(python: Path, what: str, folder: Path, rows: int = 400) -> dict[str, Any]:
    """What `tests.batch.ray_run` finds out."""
    environ = {**os.environ, "PIPELEX_PLUGINS": "openai,batch", "RAY_RUN_ROWS": str(rows)}
    command = [str(python), "-m", "tests.batch.ray_run", what, str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.slow
def test_it_is_the_same_run(python: Path, tmp_path: Path) -> None:
    """Output and journal are those of one process; a failed row is a row, and the budget is one for all workers."""
    found = on_cluster(python, "plain", tmp_path)
    assert (found["state"], found["failed"], found["twice"]) == ("finished", 1, 0)
    assert found["rows"] == list(range(1, 62))
    assert found["same_lines"]
    assert found["same_journal"]
    assert found["budget"]["state"] == "stopped"
    assert found["budget"]["within"]
    assert found["budget"]["fits"]


@pytest.mark.slow
def test_a_node_that_is_lost(python: Path, tmp_path: Path) -> None:
    """Its rows, and they alone, are answered elsewhere; what was paid twice was in flight there, and is reported."""
    found = on_cluster(python, "lost_node", tmp_path)
    assert (found["state"], found["failed"]) == ("finished", 0)
    assert found["rows"] == list(range(1, 401))
    assert found["outputs_fit"]
    assert found["twice"] <= found["repeated"] <= 10
    assert float(found["unexplained"]) == 0


@pytest.mark.slow
def test_two_workers_are_nearly_twice_as_fast(python: Path, tmp_path: Path) -> None:
    """Where the answers take half a second and each worker may hold twenty calls."""
    assert on_cluster(python, "speed", tmp_path, rows=1200)["ratio"] >= 1.8


@pytest.mark.slow
@pytest.mark.skipif(server_binary() is None, reason="no redis-server or valkey-server here")
def test_limits_are_one_for_all_workers(python: Path, tmp_path: Path) -> None:
    """On a real Redis server: calls at once, and calls a minute, whichever worker makes them."""
    found = on_cluster(python, "limits", tmp_path, rows=200)
    assert (found["state"], found["failed"], found["twice"]) == ("finished", 0, 0)
    assert found["at_once"] <= 6
    assert found["a_minute"] <= 150


@pytest.mark.slow
def test_workers_slow_down_before_they_are_refused(python: Path, tmp_path: Path) -> None:
    """By what the provider says in its answers, which each worker hears of its own calls alone."""
    assert on_cluster(python, "paced", tmp_path, rows=200) == {"refused": 0, "done": 200}


@pytest.mark.slow
def test_the_command_of_the_page(python: Path, tmp_path: Path) -> None:
    """On a cluster of its own; what Ray prints is not in the JSON document."""
    page = next(block for block in blocks(ROOT / "docs" / "bulk.md", "console") if "--engine ray" in block.text)
    command = shlex.split(page.text.splitlines()[0])[1:]
    server = BillingServer()
    with in_thread(server):
        write_project(tmp_path, server.url)
        write_rows(tmp_path / "q.jsonl", [{"prompt": f"question {n}"} for n in range(20)])
        command = ["q.jsonl" if word == "questions.jsonl" else word for word in command]
        command = ["smart" if word == "cheap_llm_for_text" else word for word in command]
        environ = {**os.environ, "PIPELEX_PLUGINS": "openai,batch"}
        whole = [str(python), "-m", "pipelex_core", *command, "--json"]
        done = subprocess.run(
            whole, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False, timeout=200
        )
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout)["done"] == 20


@pytest.mark.skipif(find_spec("ray") is not None, reason="Ray is installed here")
def test_without_ray_it_says_what_to_install(tmp_path: Path) -> None:
    """Before anything is sent; the run can go on in this process."""
    server = BillingServer()
    with in_thread(server):
        write_project(tmp_path, server.url)
        write_rows(tmp_path / "q.jsonl", [{"prompt": "one"}])
        settings = BatchSettings(inputs=(str(tmp_path / "q.jsonl"),), output=str(tmp_path / "a.jsonl"), model="smart")
        with pytest.raises(BatchError, match=r"pip install 'pipelex-batch\[ray\]'"):
            run(settings, client_in(tmp_path), engine="ray", make_client=lambda: client_in(tmp_path))
        with pytest.raises(BatchError, match="needs make_client"):
            run(settings, client_in(tmp_path), engine="ray")
        assert run(settings, client_in(tmp_path)).done == 1
