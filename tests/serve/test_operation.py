"""The command `pipelex serve` as a program: start, keys, drain, reload, workers that die."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx2
import psutil
import pytest

from pipelex_core.deck import ModelDeck
from pipelex_serve.worker import name_what_is_missing
from tests.packaging.environments import ROOT
from tests.servers.base import Reply, in_thread
from tests.servers.openai_server import OpenAIServer, chunks
from tests.support.serving import write_project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ADMIN = "pplx-admin-key-of-the-tests"
HELLO: Any = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "pipelex_core", *words]


def environment(folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "XDG_STATE_HOME": str(folder / "state"),
        "HOME": str(folder),
        "PIPELEX_SERVE_ADMIN_KEY": ADMIN,
    }


@contextmanager
def running(
    folder: Path, *options: str, config: Path | None, **variables: str
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The program, once it answers; it is ended in the end."""
    chosen = ["--config", str(config)] if config is not None else []
    with (
        (folder / "errors").open("w") as errors,
        subprocess.Popen(
            command(*chosen, "serve", "--port", "0", *options),
            env=environment(folder) | variables,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            text=True,
        ) as process,
    ):
        try:
            url = _address(folder / "errors", process)
            yield url, process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()


def _address(file: Path, process: subprocess.Popen[str]) -> str:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        reported = file.read_text()
        if "Serving at " in reported:
            url = reported.partition("Serving at ")[2].split()[0]
            if _answers(url):
                return url
        assert process.poll() is None, reported
        time.sleep(0.05)
    raise AssertionError(file.read_text())


def _answers(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/health", timeout=10).status_code == 200
    except httpx2.TransportError:
        return False


def wait_until(condition: Any, seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not come to that"
        time.sleep(0.05)


def ask(url: str, **options: Any) -> httpx2.Response:
    body = {**HELLO, **options.pop("body", {})}
    return httpx2.post(f"{url}/v1/chat/completions", json=body, timeout=60, **options)


def test_sigterm_lets_calls_end_and_refuses_new_ones(tmp_path: Path) -> None:
    """A stream under way comes to its end; meanwhile new calls get 503 with retry-after; then the program ends well."""
    with in_thread(OpenAIServer()) as server:
        config = write_project(tmp_path, {"openai": f"{server.url}/v1"})
        with running(tmp_path, config=config) as (url, process):
            server.queue(Reply.sse(*chunks("one two three four five six"), pause=0.25))
            got: list[str] = []

            def read() -> None:
                with httpx2.stream(
                    "POST", f"{url}/v1/chat/completions", json={**HELLO, "model": "gpt", "stream": True}, timeout=60
                ) as answer:
                    got.extend(answer.iter_text())

            reading = threading.Thread(target=read)
            with httpx2.Client() as client:
                client.get(f"{url}/health")
                reading.start()
                wait_until(lambda: got)
                process.send_signal(signal.SIGTERM)
                wait_until(lambda: client.get(f"{url}/ready").status_code == 503)
                refused = client.post(f"{url}/v1/chat/completions", json=HELLO)
            assert refused.status_code == 503
            assert refused.headers["retry-after"] == "5"
            assert refused.json()["error"]["code"] == "overloaded"
            reading.join(30)
            assert "".join(got).endswith("data: [DONE]\n\n")
            assert process.wait(20) == 0


def test_the_deck_is_read_anew(tmp_path: Path) -> None:
    """On SIGHUP and on a change of its files; a faulty deck leaves the one in use; a call under way ends on the old one."""
    with in_thread(OpenAIServer()) as server:
        config = write_project(tmp_path, {"openai": f"{server.url}/v1"})
        deck = config / "inference" / "deck" / "base_deck.toml"
        with running(tmp_path, "--no-watch", config=config) as (url, process):
            assert ask(url, body={"model": "fresh"}).status_code == 404
            server.queue(Reply.sse(*chunks("one two three four"), pause=0.3))
            with httpx2.stream(
                "POST", f"{url}/v1/chat/completions", json={**HELLO, "model": "gpt", "stream": True}, timeout=60
            ) as answer:
                pieces = answer.iter_text()
                next(pieces)
                deck.write_text('[aliases]\nfresh = ["m"]\n' + deck.read_text())
                process.send_signal(signal.SIGHUP)
                wait_until(lambda: ask(url, body={"model": "fresh"}).status_code == 200)
                assert "".join(pieces).endswith("data: [DONE]\n\n")
            deck.write_text("this is not TOML")
            process.send_signal(signal.SIGHUP)
            wait_until(lambda: httpx2.get(f"{url}/ready").json()["reload_failed"])
            assert ask(url, body={"model": "fresh"}).status_code == 200


def test_a_change_of_a_file_is_seen(tmp_path: Path) -> None:
    """Without a signal."""
    config = write_project(tmp_path, {})
    deck = config / "inference" / "deck" / "base_deck.toml"
    with running(tmp_path, config=config) as (url, _):
        deck.write_text('[aliases]\nseen = ["m"]\n' + deck.read_text())
        wait_until(lambda: ask(url, body={"model": "seen"}).status_code == 200)


def test_workers_share_a_budget_and_one_that_is_killed_loses_nothing(tmp_path: Path) -> None:
    """200 calls at once over two workers, one of them killed: never more than the budget, and each answered call is counted."""
    config = write_project(tmp_path, {})
    spend = str(tmp_path / "spend.sqlite3")
    made = subprocess.run(
        command("serve", "keys", "add", "alice", "--day-budget", "0.05", "--spend", spend, "--json"),
        env=environment(tmp_path),
        check=True,
        capture_output=True,
        text=True,
    )
    headers = {"authorization": f"Bearer {json.loads(made.stdout)['key']}"}
    with running(tmp_path, "--workers", "2", "--spend", spend, config=config) as (url, process):
        workers = psutil.Process(process.pid).children()
        assert len(workers) == 2
        answered: list[float] = []
        refused: list[int] = []

        def call(count: int) -> None:
            for _ in range(count):
                try:
                    answer = ask(url, headers=headers, body={"max_tokens": 500})
                except httpx2.TransportError:
                    continue  # its worker was killed
                if answer.status_code == 200:
                    answered.append(float(answer.headers["x-pipelex-cost"]))
                else:
                    refused.append(answer.status_code)

        threads = [threading.Thread(target=call, args=(10,)) for _ in range(20)]
        for thread in threads:
            thread.start()
        wait_until(lambda: answered)
        workers[0].kill()
        for thread in threads:
            thread.join(60)
        wait_until(lambda: len(psutil.Process(process.pid).children()) == 2)
        wait_until(lambda: _answers(url))
    listed = subprocess.run(
        command("serve", "keys", "list", "--spend", spend, "--json"),
        env=environment(tmp_path),
        check=True,
        capture_output=True,
        text=True,
    )
    (key,) = json.loads(listed.stdout)
    assert float(key["day_spent"]) <= 0.05
    assert float(key["total_spent"]) >= sum(answered) - 1e-9
    assert set(refused) <= {429}


def test_metrics_and_page_need_the_admin_key_and_sum_all_workers(tmp_path: Path) -> None:
    """What each worker counted is in the answer of any of them."""
    config = write_project(tmp_path, {})
    with running(tmp_path, "--workers", "2", config=config) as (url, _):
        for _ in range(6):
            assert ask(url).status_code == 200
        assert httpx2.get(f"{url}/metrics").status_code == 401
        got = httpx2.get(f"{url}/metrics", headers={"authorization": f"Bearer {ADMIN}"})
        assert got.status_code == 200
        line = 'pipelex_serve_calls_total{backend="mock",handle="m",model="m",outcome="ok"} 6.0'
        assert line in got.text


def test_without_a_project_the_model_of_this_machine_answers(tmp_path: Path) -> None:
    """Its handle is there; what it says is the plugin's own business, and tested with it."""
    with running(tmp_path, config=None) as (url, _):
        names = [model["id"] for model in httpx2.get(f"{url}/v1/models").json()["data"]]
        assert "smollm2" in names


def test_without_any_model_it_says_what_is_missing(caplog: pytest.LogCaptureFixture) -> None:
    """A gateway on which nothing can be called starts, and its log says why."""
    name_what_is_missing(ModelDeck(models={}))
    assert "no handle can be called yet: " in caplog.text
    assert "the deck has no default" in caplog.text


def test_it_listens_elsewhere_only_with_keys(tmp_path: Path) -> None:
    """It says which command makes one."""
    config = write_project(tmp_path, {})
    done = subprocess.run(
        command("--config", str(config), "serve", "--host", "0.0.0.0", "--port", "0"),
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "pipelex serve keys add" in done.stderr


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_faulty_deck_ends_the_program_before_it_listens(tmp_path: Path, workers: str) -> None:
    """Each fault with its file and line."""
    config = write_project(tmp_path, {})
    (config / "inference" / "deck" / "base_deck.toml").write_text('[aliases]\nx = ["nowhere"]\n')
    done = subprocess.run(
        command("--config", str(config), "serve", "--port", "0", "--workers", workers),
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "base_deck.toml:2" in done.stderr


def test_keys_by_the_command_line(tmp_path: Path) -> None:
    """Made, listed, revoked; a name that is taken is refused; the secret is nowhere but in the answer."""
    spend = tmp_path / "spend.sqlite3"

    def keys(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command("serve", "keys", *words, "--spend", str(spend)),
            env=environment(tmp_path),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    secret = keys("add", "alice", "--day-budget", "2.5", "--handles", "m,brief", "--rpm", "5").stdout.strip()
    assert secret.startswith("pplx-")
    assert secret.encode() not in spend.read_bytes()
    assert keys("add", "alice").returncode == 1
    assert keys("add", "bob", "--day-budget", "-1").returncode == 1
    listed = keys("list").stdout
    assert "alice: in use, 0 calls, 0 US$ in all, 0 of 2.5 US$ today, may call m, brief" in listed
    assert keys("revoke", "alice").returncode == 0
    assert keys("revoke", "alice").returncode == 1
    assert "alice: revoked" in keys("list").stdout
    assert keys("frobnicate").returncode == 1


@pytest.mark.slow
def test_the_readmes_third_block_gets_an_answer(tmp_path: Path) -> None:
    """The gateway without a project, and the very `curl` of the README; a machine without the model fetches it."""
    blocks = re.findall(
        r"^```bash\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    serve, curl = blocks[2].strip().split("\n")
    assert serve.endswith("pipelex serve &")
    with running(tmp_path, config=None, HOME=os.environ["HOME"]) as (url, _):
        words = shlex.split(curl.replace("http://127.0.0.1:8080", url))
        done = subprocess.run(words, capture_output=True, text=True, timeout=600, check=True)
    answer = json.loads(done.stdout)
    assert answer["choices"][0]["message"]["content"].strip()
