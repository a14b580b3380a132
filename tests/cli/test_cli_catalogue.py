"""`pipelex catalogue`: what it shows and writes, and the files of which it takes nothing."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from base64 import b64encode
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import tomli
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pipelex_cli.app import run
from pipelex_core.config import load
from pipelex_core.plugins import discover
from tests.servers.base import Received, Reply, Server

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from tests.cli.conftest import Pipelex

CATALOGUE = Path(".pipelex", "inference", "catalogue")
LOCK = Path(".pipelex", "inference", "catalogue.lock.toml")
MODEL = "gpt-4.1"
SPEC = f'["{MODEL}"]\nmodel_id = "gpt-4.1"\ninputs = ["text"]\noutputs = ["text"]\n'
CHEAPER = f'{SPEC}costs = {{ input = 1.25, output = 5, tiers = [{{ above_input_tokens = 9, input = 2.5 }}] }}\nas_of = "2027-02-03"\n'


def archive(day: str | None = "2027-02-03", form: int = 1, **models: str) -> bytes:
    """A catalogue's file."""
    files = {f"models/{name}.toml": f'[defaults]\nsdk = "openai"\n\n{text}' for name, text in models.items()}
    files["catalogue.toml"] = f"form = {form}\n" + (f"date = {day}\n" if day else "")
    return packed({f"pipelex_catalogue/{name}": text for name, text in files.items()})


def packed(files: dict[str, str]) -> bytes:
    """A ZIP."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in files.items():
            file.writestr(name, text)
    return data.getvalue()


def digest(data: bytes) -> str:
    """As `--hash` wants it."""
    return f"sha256:{sha256(data).hexdigest()}"


@pytest.fixture
def project(initialised: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose models are those of OpenAI."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-0123456789")
    assert run(["enable", "openai"]) == run(["use", "all_openai"]) == 0
    return initialised


@pytest.fixture
def pipelex(pipelex: Pipelex) -> Pipelex:
    """The command `pipelex catalogue`."""
    return partial(pipelex, "catalogue")


def price() -> Decimal | None:
    """What a million tokens of the model's input cost in this project."""
    spec = load(config=".pipelex", plugins=discover(), strict=False).deck.models[MODEL].spec
    assert spec is not None
    return spec.costs.input if spec.costs else None


def state() -> dict[str, bytes]:
    """Every file of the project."""
    return {str(file): file.read_bytes() for file in sorted(Path().rglob("*")) if file.is_file() and ".sig" not in file.name and file.suffix != ".whl"}  # fmt: skip


def wheel(data: bytes, name: str = "pipelex_catalogue-2027.2.3-py3-none-any.whl") -> Path:
    """A file beside the project."""
    path = Path(name)
    path.write_bytes(data)
    return path


def test_what_is_newer_takes_effect(project: Path, pipelex: Any) -> None:
    """`diff` shows it key by key, with the hash; `update` writes these models and no other, and the lock."""
    data = archive(openai=f'{CHEAPER}\n["gpt-4o"]\nmodel_id = "gpt-4o"\nmax_tokens = 1\nas_of = "2020-01-01"\n')
    file = wheel(data)
    before = price()
    code, out, err = pipelex("diff", file)
    assert code == 0
    assert f"openai  {MODEL}  costs.input  2 -> 1.25\n" in out
    assert "gpt-4o" not in out
    assert f"pipelex catalogue update --date 2027-02-03 --hash {digest(data)}" in err
    assert price() == before
    changes = json.loads(pipelex("diff", file, "--json")[1])
    assert changes["hash"] == digest(data)
    assert {"backend": "openai", "model": MODEL, "key": "costs.input", "old": 2, "new": "1.25"} in changes["changes"]
    assert pipelex("update", file, "--hash", digest(data), "--dry-run")[0] == 0
    assert not LOCK.exists()
    assert pipelex("update", file, "--hash", digest(data))[0] == 0
    assert str(price()) == "1.25"
    assert tomli.loads(LOCK.read_text())["hash"] == digest(data)
    written = tomli.loads((CATALOGUE / "openai.toml").read_text())
    assert written.keys() == {"defaults", MODEL}
    assert [file.name for file in CATALOGUE.iterdir()] == ["openai.toml"]
    again = state()
    assert pipelex("update", file)[0] == 0  # by the hash of the lock
    assert state() == again


def test_a_later_catalogue_without_a_change_takes_the_old_one_back(project: Path, pipelex: Any) -> None:
    """What it says as the plugins do is theirs again."""
    first, second = archive(openai=CHEAPER), archive("2027-02-04", mistral="[nothing]\nmax_tokens = 1\n")
    assert pipelex("update", wheel(first), "--hash", digest(first))[0] == 0
    assert pipelex("update", wheel(second), "--hash", digest(second))[0] == 0
    assert price() == 2
    assert tomli.loads((CATALOGUE / "openai.toml").read_text()) == {}


GOOD = archive(openai=CHEAPER)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (GOOD[:-30], "damaged"),
        (b"nothing", "damaged"),
        (GOOD.replace(b"PK\x03\x04", b"PK\x03\x05", 1), "damaged"),
        (archive(openai=CHEAPER, form=2), "update pipelex-cli"),
        (archive(None, openai=CHEAPER), "no date"),
        (archive(), "no models"),
        (archive(openai="["), "damaged"),
        (archive(openai=f"{SPEC}costs = {{ input = -1 }}\n"), "costs"),
        (archive(openai=f"{SPEC}max_tokens = 'many'\n"), "max_tokens"),
        (archive(openai=f'{SPEC}prompting_target = "${{OPENAI_API_KEY}}"\n'), "variable"),
        (packed({"catalogue.toml": "form = 1"}), "not a catalogue"),
        (packed({"pipelex_catalogue/catalogue.toml": "#" * 4_000_001}), "larger than"),
    ],
)
def test_a_damaged_file_changes_nothing(project: Path, pipelex: Any, data: bytes, words: str) -> None:
    """Though its hash is the one that was asked for; the message says what is wrong."""
    before = state()
    code, _, err = pipelex("update", wheel(data), "--hash", digest(data))
    assert code != 0
    assert words in err
    assert state() == before


def test_a_file_of_another_hash_changes_nothing(project: Path, pipelex: Any) -> None:
    """Of the command line's or the lock's; without any known hash nothing is taken."""
    before = state()
    code, _, err = pipelex("update", wheel(GOOD))
    assert (code != 0, "no hash is known" in err, state() == before) == (True, True, True)
    code, _, err = pipelex("update", wheel(GOOD), "--hash", digest(b"other"))
    assert (code != 0, digest(GOOD) in err, state() == before) == (True, True, True)
    code, _, err = pipelex("update", wheel(GOOD), "--hash", "md5:1")
    assert (code != 0, "is not a hash" in err, state() == before) == (True, True, True)
    assert pipelex("update", wheel(GOOD), "--hash", digest(GOOD))[0] == 0
    before = state()
    later = archive("2027-03-01", openai=CHEAPER)
    code, _, err = pipelex("update", wheel(later))
    assert (code != 0, "not the catalogue that was asked for" in err, state() == before) == (True, True, True)


@pytest.mark.parametrize(
    ("day", "words"), [("2027-02-02", "older than"), ("2026-11-30", "older than"), ("2027-02-03", "another one than")]
)
@pytest.mark.parametrize("lost", [False, True])
def test_an_older_catalogue_changes_nothing(project: Path, pipelex: Any, day: str, words: str, lost: bool) -> None:
    """Nor another one of the same day, while the lock is there; where it was lost, the files that were written tell the day."""
    assert pipelex("update", wheel(GOOD), "--hash", digest(GOOD))[0] == 0
    if lost:
        LOCK.unlink()
    before = state()
    other = archive(day, openai=f'{SPEC}costs = {{ input = 0, output = 0 }}\nas_of = "2027-05-05"\n')
    code, _, err = pipelex("update", wheel(other), "--hash", digest(other))
    if lost and day == "2027-02-03":
        assert code == 0
        return
    assert code != 0
    assert words in err
    assert state() == before


def keys() -> tuple[Ed25519PrivateKey, str]:
    """A pair of keys, the public one as text."""
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return private, f"ed25519:{b64encode(public).decode()}"


@pytest.mark.parametrize("encode", [bytes, b64encode, lambda raw: b64encode(raw) + b"\n"])
def test_a_file_that_a_pinned_key_signed_is_taken(
    project: Path, pipelex: Any, encode: Callable[[bytes], bytes]
) -> None:
    """The first time the key is named and pinned; then the lock has it."""
    private, public = keys()
    file = wheel(GOOD)
    Path(f"{file}.sig").write_bytes(encode(private.sign(GOOD)))
    code, _, err = pipelex("update", file)
    assert (code != 0, "no key is pinned" in err) == (True, True)
    assert pipelex("update", file, "--key", public)[0] == 0
    assert str(price()) == "1.25"
    later = archive("2027-03-01", openai=CHEAPER.replace("1.25", "0.75").replace("2027-02-03", "2027-03-01"))
    Path(f"{wheel(later)}.sig").write_bytes(private.sign(later))
    assert pipelex("update", file)[0] == 0
    assert str(price()) == "0.75"


def test_a_signature_of_another_key_or_file_changes_nothing(project: Path, pipelex: Any) -> None:
    """Nor one that is no signature; and a pinned key is not replaced in passing."""
    (private, public), (stranger, other) = keys(), keys()
    file = wheel(GOOD)
    signature = Path(f"{file}.sig")
    before = state()
    for wrong in (stranger.sign(GOOD), private.sign(GOOD + b"\0"), b"?", b"", b"\xff" * 63):
        signature.write_bytes(wrong)
        code, _, err = pipelex("update", file, "--key", public)
        assert (code != 0, "signature" in err) == (True, True)
        assert state() == before
    code, _, err = pipelex("update", file, "--key", "ed25519:short")
    assert (code != 0, "is not a public key" in err, state() == before) == (True, True, True)
    signature.write_bytes(private.sign(GOOD))
    assert pipelex("update", file, "--key", public)[0] == 0
    before = state()
    signature.write_bytes(stranger.sign(GOOD))
    code, _, err = pipelex("update", file, "--key", other)
    assert (code != 0, "pins another key" in err, state() == before) == (True, True, True)


def test_a_damaged_lock_is_told(project: Path, pipelex: Any) -> None:
    """And nothing is written over it."""
    for text in ("version = ", "version = 2\n", 'version = 1\nhash = "x"\n', "version = 1\ndate = 'soon'\n"):
        LOCK.write_text(text)
        code, _, err = pipelex("update", wheel(GOOD), "--hash", digest(GOOD))
        assert code != 0
        assert err
        assert LOCK.read_text() == text


class Index(Server):
    """A package index with one wheel."""

    wheel = ""
    data = b""

    async def answer(self, request: Received) -> Reply:
        """Its page, or the wheel."""
        if request.path.endswith(self.wheel):
            return Reply(chunks=(self.data,), content_type="application/octet-stream")
        page = f'<!DOCTYPE html><html><body><a href="/files/{self.wheel}">{self.wheel}</a></body></html>'
        return Reply.text(page)


def test_a_catalogue_comes_from_the_package_index(project: Path, pipelex: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the hash of the command line, then by that of the lock, which names its day; pip's own settings say where."""
    info = "pipelex_catalogue-2027.2.3.dist-info"
    data = packed(
        {
            "pipelex_catalogue/catalogue.toml": "form = 1\ndate = 2027-02-03\n",
            "pipelex_catalogue/models/openai.toml": f'[defaults]\nsdk = "openai"\n{CHEAPER}',
            f"{info}/METADATA": "Metadata-Version: 2.1\nName: pipelex-catalogue\nVersion: 2027.2.3\n",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{info}/RECORD": "",
        }
    )
    Index.wheel, Index.data = "pipelex_catalogue-2027.2.3-py3-none-any.whl", data

    async def requested(*tokens: str) -> tuple[int, str, str]:
        async with Index() as server:
            monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/simple/")
            monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
            found: tuple[int, str, str] = await asyncio.to_thread(pipelex, *tokens)
            return found

    before = state()
    assert digest(data) in asyncio.run(requested("diff"))[2]
    code, _, err = asyncio.run(requested("update", "--hash", digest(b"other")))
    assert (code != 0, "not the catalogue that was asked for" in err, state() == before) == (True, True, True)
    assert asyncio.run(requested("update", "--date", "2027-02-03", "--hash", digest(data)))[0] == 0
    assert str(price()) == "1.25"
    after = state()
    for file in CATALOGUE.iterdir():
        file.unlink()
    assert asyncio.run(requested("update"))[0] == 0
    assert state() == after
    code, _, err = asyncio.run(requested("diff", "--date", "2027-02-04"))
    assert (code != 0, "pipelex-catalogue==2027.2.4" in err) == (True, True)
    assert "is not a day" in pipelex("diff", "--date", "soon")[2]
