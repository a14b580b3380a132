"""Every way a plugin can be broken, each a real wheel, all of them in one environment beside a healthy one."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.packaging.environments import COMMAND_LINE_NAMES, make_environment, with_command_line
from tests.packaging.wheels import healthy_wheel, wheel

if TYPE_CHECKING:
    from pathlib import Path

    from tests.packaging.environments import Environment

HOOK = "from pipelex_core.hookspecs import hookimpl\n\n\n@hookimpl\ndef {name}():\n    {body}\n"

NAMESAKES = "the plugin name 'namesake' is offered by bad-name-one 1.0 and bad-name-two 1.0: uninstall one of them"
TWINS = "sdk 'twin' is offered by bad-twin-one 1.0 and bad-twin-two 1.0: uninstall one of them"

BROKEN: dict[str, tuple[str | None, dict[str, Any], str]] = {
    "import": ("def (", {}, "import of 'bad_import' failed: SyntaxError"),
    "dependency": (
        "import acme_sdk_that_nobody_installed",
        {"requires": ("pipelex-core", "acme-sdk-that-nobody-installed")},
        "ModuleNotFoundError: No module named 'acme_sdk_that_nobody_installed'",
    ),
    "range": ("", {"requires": ("pipelex-core>=9,<10",)}, "it needs pipelex-core<10,>=9, and 0.1.0 is installed"),
    "hook": (
        HOOK.format(name="pipelex_backend", body="return {}"),
        {},
        "it implements a hook that does not exist: 'pipelex_backend'; did you mean 'pipelex_backends'?",
    ),
    "twin-one": (HOOK.format(name="pipelex_backends", body="return {'twin': print}"), {}, TWINS),
    "twin-two": (HOOK.format(name="pipelex_backends", body="return {'twin': print}"), {}, TWINS),
    "name-one": ("", {"points": "namesake = bad_name_one"}, NAMESAKES),
    "name-two": ("", {"points": "namesake = bad_name_two"}, NAMESAKES),
    "raises": (
        HOOK.format(name="pipelex_backends", body="return 1 / 0"),
        {},
        "pipelex_backends raised ZeroDivisionError",
    ),
    "nonsense": (
        HOOK.format(name="pipelex_backends", body="return 7"),
        {},
        "pipelex_backends must return a mapping of sdk names to factories",
    ),
    "nowhere": (None, {"points": "nowhere = bad_nowhere:plugin"}, "import of 'bad_nowhere:plugin' failed"),
    "attribute": ("", {"points": "attribute = bad_attribute:plugin"}, "has no attribute 'plugin'"),
    "exit": ("import sys\nsys.exit(3)", {}, "import of 'bad_exit' failed: SystemExit: 3"),
    "exit-later": (
        HOOK.format(name="pipelex_middleware", body="raise SystemExit(4)"),
        {},
        "pipelex_middleware raised SystemExit: 4",
    ),
    "panic": (
        "class Panic(BaseException):\n    def __str__(self):\n        raise ValueError\n\n\nraise Panic",
        {},
        "import of 'bad_panic' failed: Panic: its message raised ValueError",
    ),
    "points": ("", {}, "its entry_points.txt cannot be read"),
}
"""Name -> source, fields of the wheel, and the reason that must be told; the distribution is `bad-<name>`."""

ODD = {
    "slow": HOOK.format(name="pipelex_backends", body="import time; time.sleep(1.2); return {'slow': print}"),
    "prints": "print('hello from a plugin')",
    "moves": "import os, sys\nos.chdir('/')\nsys.stdout = open(os.devnull, 'w')\nos.environ['ACME_WAS_HERE'] = '1'",
    "patches": "import json\n_dumps = json.dumps\njson.dumps = lambda *args, **named: _dumps(*args, **named)",
    "stays": "import os, threading, time\n"
    "if 'ACME_STAYS' in os.environ:\n    threading.Thread(target=time.sleep, args=(900,), name='acme-stays').start()",
}
"""Name -> source of a plugin that is in use all the same; the distribution is `odd-<name>`."""


@pytest.fixture(scope="module")
def environment(built_wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """One environment with all of them."""
    folder = tmp_path_factory.mktemp("broken")
    made = make_environment(folder / "venv")
    made.install(*with_command_line(built_wheels))
    wheels = [healthy_wheel(folder)]
    for name, (source, fields, _) in BROKEN.items():
        module = f"bad_{name.replace('-', '_')}"
        wheels.append(wheel(folder, f"bad-{name}", {} if source is None else {f"{module}.py": source}, **fields))
    wheels += [wheel(folder, f"odd-{name}", {f"odd_{name}.py": source}) for name, source in ODD.items()]
    made.install("--no-deps", *map(str, wheels))
    (points,) = made.folder.glob("lib/*/site-packages/bad_points-1.0.dist-info/entry_points.txt")
    points.write_text("[pipelex_core.plugins]\nthis line says nothing\n")  # no installer lets that through
    return made


@pytest.fixture(scope="module")
def project(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty project."""
    folder = tmp_path_factory.mktemp("project")
    done = environment.run("pipelex", "init", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def listed(environment: Environment, project: Path) -> tuple[dict[str, Any], str]:
    """Distribution -> what `pipelex plugins --json` says of it; and stderr."""
    done = environment.run("pipelex", "plugins", "--json", cwd=project)
    assert done.returncode == 0, done.stdout + done.stderr
    return {row["distribution"].replace("_", "-"): row for row in json.loads(done.stdout)}, done.stderr


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_plugin_is_quarantined_with_its_reason(name: str, listed: tuple[dict[str, Any], str]) -> None:
    """Whatever is wrong with it, it is listed, it says why, and it declares nothing."""
    row = listed[0][f"bad-{name}"]
    assert row["status"] == "quarantined"
    assert BROKEN[name][2] in row["reason"]
    assert "\n" not in row["reason"]


def test_all_others_are_in_use(listed: tuple[dict[str, Any], str]) -> None:
    """What is slow, talks or changes things too; nothing else is quarantined."""
    in_use = {name for name, row in listed[0].items() if row["status"] == "ok"}
    assert in_use - COMMAND_LINE_NAMES == {"acme-healthy", *(f"odd-{name}" for name in ODD)}


def test_a_slow_hook_is_told_with_its_seconds(listed: tuple[dict[str, Any], str]) -> None:
    """In its record, and as a warning; no other plugin is said to take long, unless the machine is slow too."""
    rows, stderr = listed
    slow = rows["odd-slow"]
    assert slow["times"]["pipelex_backends"] >= 1.2
    assert slow["seconds"] >= slow["times"]["pipelex_backends"] + slow["times"]["import"]
    assert "the plugin odd-slow 1.0 took " in stderr
    assert " s are of pipelex_backends" in stderr


def test_what_a_plugin_does_to_the_process_is_told(listed: tuple[dict[str, Any], str]) -> None:
    """What it prints goes to stderr; folder and stdout are put back; what cannot be is named."""
    rows, stderr = listed
    assert "hello from a plugin" in stderr
    assert set(rows["odd-moves"]["touched"]) == {
        "the working directory (put back)",
        "sys.stdout (put back)",
        "the environment variable ACME_WAS_HERE",
    }
    assert rows["odd-patches"]["touched"] == ["json.dumps"]
    assert rows["acme-healthy"]["touched"] == []


def test_validate_warns_of_each_and_the_project_stays_valid(environment: Environment, project: Path) -> None:
    """One warning a broken plugin; no error."""
    done = environment.run("pipelex", "validate", "--json", cwd=project)
    report = json.loads(done.stdout)
    assert (done.returncode, report["ok"]) == (0, True), report["problems"]
    warned = [each["message"] for each in report["problems"] if each["code"] == "plugin-quarantined"]
    assert len(warned) == len(BROKEN)
    for name in BROKEN:
        assert [text for text in warned if f"bad-{name} " in text or f"bad_{name} " in text], name


def test_the_healthy_plugin_answers(environment: Environment, project: Path) -> None:
    """From the command line and from the library."""
    done = environment.run("pipelex", "generate", "Hello?", "-m", "acme-one", "--json", cwd=project)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["text"] == "acme says hello with no key"
    program = (
        "from pipelex_core import Client\n"
        "with Client.from_project() as client:\n"
        "    print('answer:', client.generate_text('Hello?', model='acme-one').text)\n"
    )
    done = environment.run("python", "-c", program, cwd=project)
    assert "answer: acme says hello with no key" in done.stdout, done.stderr


def test_a_thread_that_a_plugin_leaves_does_not_keep_a_command_alive(environment: Environment, project: Path) -> None:
    """It ends some seconds later with the exit code it has, and says which thread it was."""
    environ = {**os.environ, "ACME_STAYS": "1"}
    command = [str(environment.folder / "bin" / "pipelex"), "plugins", "--json"]
    done = subprocess.run(command, cwd=project, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0
    rows = {row["distribution"]: row for row in json.loads(done.stdout)}
    assert rows["odd-stays"]["touched"] == ["a thread that keeps the process from ending: acme-stays"]
    assert "a thread that a plugin or SDK left running: acme-stays" in done.stderr


def test_only_the_plugins_asked_for_are_loaded(environment: Environment, project: Path) -> None:
    """By plugin or distribution; the others are off, not quarantined, because nothing of them was imported."""
    run = environment.run
    done = run("pipelex", "plugins", "--json", cwd=project, PIPELEX_PLUGINS="healthy, odd_prints,heelthy")
    rows = json.loads(done.stdout)
    status = {row["distribution"] or row["name"]: row["status"] for row in rows}
    assert {name for name, each in status.items() if each == "ok"} == {"acme-healthy", "odd-prints"}
    assert status["bad-exit"] == status["odd-slow"] == "off"
    assert status["heelthy"] == "missing"
    (missing,) = (row["reason"] for row in rows if row["name"] == "heelthy")
    assert "did you mean 'healthy'?" in missing
    report = json.loads(run("pipelex", "validate", "--json", cwd=project, PIPELEX_PLUGINS="heelthy").stdout)
    assert [each for each in report["problems"] if each["code"] == "plugin-missing" and missing in each["message"]]


def test_no_plugins_means_none(environment: Environment, project: Path) -> None:
    """Every one is off, nothing of them runs, and a model that needs one says so."""
    done = environment.run("pipelex", "--no-plugins", "plugins", "--json", cwd=project)
    rows = [row for row in json.loads(done.stdout) if row["distribution"] != "bad_points"]
    assert {row["status"] for row in rows} == {"off"}
    assert "hello from a plugin" not in done.stderr
    done = environment.run("pipelex", "--no-plugins", "generate", "Hello?", "-m", "acme-one", cwd=project)
    assert done.returncode == 1
