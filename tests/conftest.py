"""What several tests share: signals as they are in the foreground, and the built wheels, made once a run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from tests.fast import is_fast, is_fast_module

ROOT = Path(__file__).resolve().parents[1]


def pytest_configure() -> None:
    """Ctrl-C works in the programs that tests start: a shell starts what runs in the background without it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: every fourth second, a test waits for a clock."""
    return (os.cpu_count() or 1) + 1


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Import no module without a fast test where only those are asked for."""
    only_fast = config.getoption("markexpr") == "fast" and collection_path.suffix == ".py"
    return True if only_fast and not is_fast_module(collection_path) else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the fast tests before `-m` chooses."""
    for item in items:
        if is_fast(item):
            item.add_marker(pytest.mark.fast)
        if _is_one_of_many(item):
            item.add_marker(pytest.mark.slow)


_FURTHER = frozenset({"transcription", "speech", "speech stream", "image edits", "rerank", "moderation"})


def _is_one_of_many(item: pytest.Item) -> bool:
    """Whether it is a scenario of the kit whose kind of call goes the way of another, and which has a row of failures for each."""
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    kind = getattr(parameters.get("call"), "capability", None)
    return kind in _FURTHER and any(name in parameters for name in ("status", "body", "fault"))


@pytest.fixture(scope="session")
def built_wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folder name -> wheel, for every distribution of the workspace; built once, also where tests run in parallel."""
    run = tmp_path_factory.getbasetemp()
    shared = (run.parent if "PYTEST_XDIST_WORKER" in os.environ else run) / "wheels"  # of this run, and no earlier one
    shared.mkdir(exist_ok=True)
    wheels: dict[str, Path] = {}
    with FileLock(shared / ".lock"):
        for folder in (ROOT / "core", *sorted((ROOT / "plugins").iterdir())):
            if not (folder / "pyproject.toml").is_file():
                continue
            target = shared / folder.name
            if not target.exists():
                command = [
                    sys.executable,
                    "-m",
                    "uv",
                    "build",
                    "--wheel",
                    "--no-build-isolation",
                    "--out-dir",
                    str(target),
                ]
                subprocess.run([*command, str(folder)], check=True, capture_output=True)
            (wheels[folder.name],) = target.glob("*.whl")
    return wheels
