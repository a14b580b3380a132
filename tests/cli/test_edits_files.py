"""Files that are edited: whole or not at all, with the mode they have, through the links that lead to them."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from pipelex_cli.edits.files import FileChange, as_text, read_bytes
from pipelex_core import PipelexError

if TYPE_CHECKING:
    from pathlib import Path

posix = pytest.mark.skipif(os.name != "posix", reason="modes and links as POSIX has them")


@posix
@pytest.mark.parametrize("mode", [0o644, 0o600, 0o664])
def test_mode_and_link_are_kept(tmp_path: Path, mode: int) -> None:
    """A link stays one, and leads to the new text."""
    real, link = tmp_path / "real.toml", tmp_path / "link.toml"
    real.write_bytes(b"a = 1\n")
    real.chmod(mode)
    link.symlink_to(real)
    FileChange(path=link, old=b"a = 1\n", new=b"a = 2\n").write()
    assert link.is_symlink()
    assert real.read_bytes() == b"a = 2\n"
    assert real.stat().st_mode & 0o777 == mode
    assert sorted(file.name for file in tmp_path.iterdir()) == ["link.toml", "real.toml"]


@posix
def test_a_file_of_keys_is_its_owners_alone(tmp_path: Path) -> None:
    """Also where it was readable by everybody; what is in it is in no diff."""
    file = tmp_path / ".env"
    file.write_bytes(b"A=1\n")
    file.chmod(0o644)
    change = FileChange(path=file, old=b"A=1\n", new=b"A=secret\n", secret=True)
    change.write()
    assert file.stat().st_mode & 0o777 == 0o600
    assert change.diff() == ""


def test_a_file_somebody_else_changed_meanwhile_is_left_alone(tmp_path: Path) -> None:
    """Their lines are not lost; nothing of ours is left behind."""
    file = tmp_path / "a.toml"
    file.write_bytes(b"theirs\n")
    with pytest.raises(PipelexError, match="changed in the meantime"):
        FileChange(path=file, old=b"old\n", new=b"new\n").write()
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("a.toml", b"theirs\n")]


@pytest.mark.parametrize("fails", ["fsync", "replace"])
def test_an_interruption_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str) -> None:
    """Whenever it comes, there is the old text, whole, and no other file."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    file = tmp_path / "a.toml"
    file.write_bytes(b"old\n")
    monkeypatch.setattr(os, fails, interrupt)
    with pytest.raises(KeyboardInterrupt):
        FileChange(path=file, old=b"old\n", new=b"new\n").write()
    monkeypatch.undo()
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("a.toml", b"old\n")]


def test_an_interruption_just_after_the_new_file_was_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even then is it left: its name was known before."""
    made = os.open

    def interrupted(name: str, flags: int, *more: int) -> int:
        os.close(made(name, flags, *more))
        raise KeyboardInterrupt

    file = tmp_path / "a.toml"
    file.write_bytes(b"old\n")
    monkeypatch.setattr(os, "open", interrupted)
    with pytest.raises(KeyboardInterrupt):
        FileChange(path=file, old=b"old\n", new=b"new\n").write()
    monkeypatch.undo()
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("a.toml", b"old\n")]


@pytest.mark.parametrize("old", [b"a\r\nb\r\nc", b"a\nb\rc\n\x0cd\n", b"", None, "é\u2028x\ny\n".encode()])
def test_a_diff_can_be_applied(tmp_path: Path, old: bytes | None) -> None:
    """`patch` makes the new file of the old one and what was shown: line ends and a missing last one included."""
    file, new = tmp_path / "a.toml", (old or b"") + b"\xc3\xa9 = 1"
    if old is not None:
        file.write_bytes(old)
    diff = FileChange(path=file, old=old, new=new).diff()
    done = subprocess.run(
        ["git", "apply", "--unsafe-paths", "-p1", "--directory=", "-"],
        input=diff.replace(f"{tmp_path}/", "b/").encode(),
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert file.read_bytes() == new


def test_faults_are_our_own(tmp_path: Path) -> None:
    """A folder in place of a file, no UTF-8, a folder that cannot be made."""
    assert read_bytes(tmp_path / "none") is None
    with pytest.raises(PipelexError, match="cannot be read"):
        read_bytes(tmp_path)
    with pytest.raises(PipelexError, match="not UTF-8"):
        as_text(b"\xff", tmp_path)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(PipelexError, match="cannot be written"):
        FileChange(path=tmp_path / "file" / "a.toml", old=None, new=b"x").write()
