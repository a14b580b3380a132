"""Where a command writes is looked at before what is to be written is paid for."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_cli.app import run
from pipelex_cli.files import check_place
from pipelex_core.errors import PipelexError
from pipelex_testing.samples import PNG
from pipelex_testing.server import Reply, Server, in_thread
from tests.documents.pdfs import lines, pdf

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILES = {
    "backends.toml": '[acme]\nendpoint = "{url}/v1"\napi_key = "k"\n\n[internal]\n',
    "backends/acme.toml": '[painter]\nsdk = "openai_img_gen"\nmodel_type = "img_gen"\noutputs = ["image"]\n',
    "routing_profiles.toml": 'active = "main"\n\n[profiles.main]\ndefault = "acme"\n',
    "deck/base.toml": '[aliases]\npaint = "painter"\n',
}


@pytest.fixture
def server() -> Iterator[Server]:
    """A provider that makes an image."""
    with in_thread(Server()) as started:
        started.queue(Reply.json({"created": 1, "data": [{"b64_json": base64.b64encode(PNG).decode()}]}))
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
    ("output", "told"), [(".", "is a folder"), ("taken", "is a folder"), ("file/a.png", "no folder")]
)
def test_an_image_that_could_not_be_written_is_not_asked_for(
    project: Path, server: Server, capsys: Any, output: str, told: str
) -> None:
    """A folder in the place of the file, or a file in the place of its folder: an error, and no request."""
    (project / "taken").mkdir()
    (project / "file").write_text("")
    assert run(["image", "A lighthouse", "-m", "paint", "-o", output]) == 1
    assert told in capsys.readouterr().err
    assert server.received == []


def test_folders_on_the_way_to_an_image_are_made(project: Path, capsys: Any) -> None:
    """And the file gets the suffix of its type."""
    assert run(["image", "A lighthouse", "-m", "paint", "-o", "new/er/lighthouse"]) == 0
    assert capsys.readouterr().out == "new/er/lighthouse.png\n"
    assert (project / "new/er/lighthouse.png").read_bytes() == PNG


def test_pages_whose_images_have_no_place_are_not_read(project: Path, capsys: Any) -> None:
    """The same for the folder of `extract --images`."""
    (project / "file").write_text("")
    (project / "a.pdf").write_bytes(pdf(lines("Text")))
    assert run(["extract", "a.pdf", "-m", "pypdfium2-extract-text", "--images", "file"]) == 1
    assert "is no folder" in capsys.readouterr().err


def test_a_folder_without_leave_to_write_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The nearest folder there is decides."""
    monkeypatch.setattr("os.access", lambda path, _mode: path != tmp_path)
    with pytest.raises(PipelexError, match="takes no files"):
        check_place(tmp_path / "not" / "there" / "yet.png")
