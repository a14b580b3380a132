"""What a shell completes: handles, backends and profiles, from files alone; and the script that asks for them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import run_pipelex

PIPELEX = Path(sys.executable).with_name("pipelex")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small configuration, whose names nobody else has."""
    inference = tmp_path / ".pipelex" / "inference"
    (inference / "deck").mkdir(parents=True)
    (inference / "backends").mkdir()
    (inference / "backends.toml").write_text("[house]\n")
    (inference / "backends" / "house.toml").write_text("[house-7b]\n")
    (inference / "routing_profiles.toml").write_text('active = "mine"\n[profiles.mine]\n[profiles.other]\n')
    deck = '[aliases]\nqqzebra = "house-7b"\n[llm.presets]\nqqzinnia = { model = "qqzebra" }\n[llm.prompts]\nsummary = "x"\n'
    (inference / "deck" / "deck.toml").write_text(deck)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("generate", "-m", "qq"), {"qqzebra", "qqzinnia"}),
        (("generate", "--model", "house"), {"house-7b"}),
        (("generate", "-t", ""), {"summary"}),
        (("explain", "qqzi"), {"qqzinnia"}),
        (("use", ""), {"mine", "other"}),
        (("enable", "hou"), {"house"}),
        (("show", "models", "--profile", "o"), {"other"}),
        (("generate", "hello"), set()),
    ],
)
def test_names_are_completed(project: Path, words: tuple[str, ...], expected: set[str]) -> None:
    """By what stands before the cursor."""
    done = run_pipelex("__complete", *words, cwd=project)
    first, *names = done.stdout.splitlines()
    assert (done.returncode, first, done.stderr) == (0, "\x1fbegin", "")
    assert set(names) == expected


def test_a_faulty_file_completes_nothing_and_says_nothing(project: Path) -> None:
    """A shell is no place for tracebacks."""
    (project / ".pipelex" / "inference" / "deck" / "deck.toml").write_text("[aliases\n")
    done = run_pipelex("__complete", "generate", "-m", "qq", cwd=project)
    assert (done.returncode, done.stdout, done.stderr) == (0, "\x1fbegin\n", "")


def test_completing_imports_next_to_nothing(project: Path) -> None:
    """Neither the command line's library nor a plugin: what is imported, not how long it takes."""
    program = (
        "import sys; sys.argv = ['pipelex', '__complete', 'generate', '-m', 'qq']\n"
        "from pipelex_cli import main\nmain()\n"
        "print(sorted({name.split('.')[0] for name in sys.modules} & "
        "{'cyclopts', 'rich', 'pluggy', 'pipelex_core', 'attrs', 'asyncio', 'openai'}), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=project, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[1:] == ["qqzebra", "qqzinnia"]
    assert done.stderr.strip() == "[]"


def test_the_script_of_bash_completes(project: Path) -> None:
    """Through the shell itself: a handle, where the command line wants one; commands of plugins are in it."""
    bash = shutil.which("bash")
    assert bash
    done = run_pipelex("--install-completion", "bash", "--output", "comp.bash", cwd=project)
    assert done.returncode == 0, done.stderr
    assert "certify" in (project / "comp.bash").read_text()
    script = "source comp.bash; COMP_WORDS=(pipelex generate -m qqzeb); COMP_CWORD=3; _pipelex; echo ${COMPREPLY[@]}"
    environ = {"PATH": f"{PIPELEX.parent}:/usr/bin:/bin", "HOME": str(project)}
    done = subprocess.run([bash, "-c", script], cwd=project, env=environ, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "qqzebra", done.stderr
    assert not (project / ".bashrc").exists()
