"""Where a command writes: looked at before anything is paid for, and whole or untouched whatever happens."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_cli.app import run
from pipelex_cli.files import check_place
from pipelex_core.errors import PipelexError
from pipelex_testing.rulebook import Rulebook
from pipelex_testing.samples import PNG, png
from pipelex_testing.server import Received, Reply, Server, in_thread
from tests.documents.pdfs import lines, pdf

if TYPE_CHECKING:
    from collections.abc import Iterator

MADE = Reply.json({"created": 1, "data": [{"b64_json": base64.b64encode(PNG).decode()}]})
FILES = {
    "backends.toml": '[acme]\nendpoint = "{url}/v1"\napi_key = "k"\n\n[internal]\n',
    "backends/acme.toml": '[painter]\nsdk = "openai_img_gen"\nmodel_type = "img_gen"\noutputs = ["image"]\n',
    "routing_profiles.toml": 'active = "main"\n\n[profiles.main]\ndefault = "acme"\n',
    "deck/base.toml": '[aliases]\npaint = "painter"\n',
}


@pytest.fixture
def server() -> Iterator[Server]:
    """A provider that makes an image."""
    with in_thread(Server(Rulebook(provider="openai"))) as started:
        started.queue(MADE)
        yield started


@pytest.fixture
def project(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a model that makes images, as the working directory."""
    for name, text in FILES.items():
        file = tmp_path / ".pipelex" / "inference" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.replace("{url}", server.url))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("output", "reported"),
    [
        (".", "is a folder"),
        ("taken", "is a folder"),
        ("file/a.png", "not a folder"),
        pytest.param(
            "n" * 300, "File name too long", marks=pytest.mark.skipif(sys.platform == "win32", reason="as it is")
        ),
    ],
)
def test_an_image_that_could_not_be_written_is_not_asked_for(
    project: Path, server: Server, capsys: Any, output: str, reported: str
) -> None:
    """A folder in the place of the file, a file in the place of its folder, or no name at all: an error, and no request."""
    (project / "taken").mkdir()
    (project / "file").write_text("")
    assert run(["image", "A lighthouse", "-m", "paint", "-o", output]) == 1
    assert reported in capsys.readouterr().err
    assert server.received == []


def test_folders_on_the_way_to_an_image_are_made(project: Path, capsys: Any) -> None:
    """And the file gets the suffix of its type."""
    assert run(["image", "A lighthouse", "-m", "paint", "-o", "new/er/lighthouse"]) == 0
    assert capsys.readouterr().out == "new/er/lighthouse.png\n"
    assert (project / "new/er/lighthouse.png").read_bytes() == PNG


def test_a_picture_is_edited(project: Path, server: Server, capsys: Any) -> None:
    """`--edit` may be repeated; a mask of another size costs nothing."""
    (project / "a.png").write_bytes(PNG)
    (project / "mask.png").write_bytes(png(9, transparent=True))
    assert run(["image", "Night", "-m", "paint", "--edit", "a.png", "--edit", "a.png", "-o", "night"]) == 0
    assert server.received[0].path.endswith("/images/edits")
    assert server.received[0].body.count(PNG) == 2
    assert run(["image", "Night", "-m", "paint", "--edit", "a.png", "--mask", "mask.png"]) == 1
    assert "a mask has the size of the picture it is for" in capsys.readouterr().err
    assert len(server.received) == 1


def test_pages_whose_images_have_no_place_are_not_read(project: Path, capsys: Any) -> None:
    """The same for the folder of `extract --images`."""
    (project / "file").write_text("")
    (project / "a.pdf").write_bytes(pdf(lines("Text")))
    assert run(["extract", "a.pdf", "-m", "pypdfium2-extract-text", "--images", "file"]) == 1
    assert "is not a folder" in capsys.readouterr().err


def test_a_folder_without_leave_to_write_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The nearest folder there is decides."""
    monkeypatch.setattr("os.access", lambda path, _mode: path != tmp_path)
    with pytest.raises(PipelexError, match="takes no files"):
        check_place(tmp_path / "not" / "there" / "yet.png")


class Meanwhile(Server):
    """Its answer takes a while, in which somebody puts a file where the result's folder was."""

    provider = "openai"

    async def answer(self, request: Received) -> Reply:
        take("results")
        return MADE


def take(folder: str) -> None:
    Path(folder).rmdir()
    Path(folder).write_text("taken")


def test_an_image_that_its_place_does_not_take_is_kept_elsewhere(
    project: Path, capsys: Any, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has been paid for: a line names where it is and why, and the exit code is not 0."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path_factory.mktemp("elsewhere")))
    (project / "results").mkdir()
    with in_thread(Meanwhile()) as server:
        backends = project / ".pipelex/inference/backends.toml"
        backends.write_text(FILES["backends.toml"].replace("{url}", server.url))
        assert run(["image", "A lighthouse", "-m", "paint", "-o", "results/lighthouse"]) == 1
    out, err = capsys.readouterr()
    assert Path(out.strip()).read_bytes() == PNG
    assert "'results/lighthouse.png' cannot be written: File exists; the result is kept in" in err
    assert (project / "results").read_text() == "taken"


CHANGES = {
    "set-key acme": ".env",
    "disable acme": ".pipelex/inference/backends.toml",
    "use other": ".pipelex/inference/routing_profiles.toml",
    "plugins lock": ".pipelex/plugins.lock.toml",
    "schema --write": ".pipelex/schemas/backends.json",
    "report -o report.html": "report.html",
    "new-backend acme": "pipelex-backend-acme",
}


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of a file's size there")
@pytest.mark.parametrize("command", CHANGES)
def test_a_full_disk_leaves_every_file_as_it_was(project: Path, command: str) -> None:
    """One line says which file and why; no half of it, and nothing beside it, is there afterwards."""
    (project / ".env").write_text("ACME_API_KEY=the-old-key\n")
    backends = project / ".pipelex/inference/backends.toml"
    backends.write_text(backends.read_text().replace('api_key = "k"', 'api_key = "${ACME_API_KEY}"'))
    profiles = project / ".pipelex/inference/routing_profiles.toml"
    profiles.write_text(profiles.read_text() + '\n[profiles.other]\ndefault = "acme"\n')
    before = {file: file.read_bytes() for file in project.rglob("*") if file.is_file()}
    line = f'ulimit -f 0; exec "$0" -m pipelex_core {command}'
    done = subprocess.run(
        ["bash", "-c", line, sys.executable],
        input="a-new-key\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert CHANGES[command].rpartition("/")[2] in done.stderr
    assert "File too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert {file: file.read_bytes() for file in project.rglob("*") if file.is_file()} == before
