"""Vectors: rows of float32 in one buffer."""

from __future__ import annotations

import json
import struct
from array import array

import pytest

from pipelex_core import EmbeddingResult, PlainDataError, Usage, Vectors

ROWS = [[0.6, 0.8, 0.0], [0.0, -1.0, 0.0], [1 / 3, 2 / 3, 2 / 3]]


def result(vectors: Vectors) -> EmbeddingResult:
    """A result with these vectors."""
    return EmbeddingResult(
        model="m",
        backend="b",
        model_id="m-1",
        usage=Usage(input_tokens=3),
        cost=None,
        attempts=(),
        request_id=None,
        vectors=vectors,
        normalised=True,
        purpose="query",
    )


def test_rows_are_little_endian_float32_one_after_the_other() -> None:
    """Four bytes a number, as every provider's base64 has them."""
    vectors = Vectors.of(ROWS)
    assert vectors.data == b"".join(struct.pack("<3f", *row) for row in ROWS)
    assert (len(vectors), vectors.dimensions, vectors.is_normalised) == (3, 3, True)
    assert vectors[1] == vectors[-2] == array("f", ROWS[1])
    assert [row.tolist() for row in vectors] == vectors.tolist()
    assert vectors[1:] == Vectors.of(ROWS[1:])
    assert vectors[::2] == Vectors.of(ROWS[::2])
    with pytest.raises(IndexError):
        vectors[3]


def test_numpy_reads_the_same_memory() -> None:
    """A read-only array of rows; nothing is copied."""
    numpy = pytest.importorskip("numpy")
    vectors = Vectors.of(ROWS)
    made = vectors.to_numpy()
    assert (made.shape, made.dtype, made.flags.writeable) == ((3, 3), numpy.float32, False)
    assert made.tobytes() == vectors.data
    assert numpy.shares_memory(made, numpy.frombuffer(vectors.data, "<f4"))


@pytest.mark.parametrize(
    "rows", [[], [[]], [[1.0], [1.0, 2.0]], [[1.0, 2.0], [1.0]], [[1.0, 2.0], [1.0], [1.0, 2.0, 3.0]]]
)
def test_rows_of_different_lengths_are_refused(rows: list[list[float]]) -> None:
    """None at all, too."""
    with pytest.raises(ValueError, match="no vector"):
        Vectors.of(rows)


@pytest.mark.parametrize(("data", "dimensions"), [(b"12345678", 3), (b"1234", 0), (b"123", 1)])
def test_bytes_that_are_no_rows_are_refused(data: bytes, dimensions: int) -> None:
    """They would be read as something else."""
    with pytest.raises(ValueError, match="not rows"):
        Vectors(data, dimensions)


def test_a_result_is_plain_data_and_back_exactly() -> None:
    """Through JSON: the bytes are base64, so that no number is rounded."""
    made = result(Vectors.of(ROWS))
    assert EmbeddingResult.from_dict(json.loads(json.dumps(made.to_dict()))) == made
    broken = made.to_dict()
    broken["vectors"]["dimensions"] = 4
    with pytest.raises(PlainDataError, match="not rows"):
        EmbeddingResult.from_dict(broken)


def test_a_result_printed_is_a_line() -> None:
    """However many vectors and attempts there are."""
    printed = repr(result(Vectors(bytes(4 * 1000 * 1000), 1000)))
    assert len(printed) < 200
    assert "Vectors(1000 × 1000)" in printed


def test_vectors_that_are_not_normalised_say_so() -> None:
    """The first and the last row are looked at."""
    assert not Vectors.of([[3.0, 4.0]]).is_normalised
    assert not Vectors.of([[1.0, 0.0], [3.0, 4.0]]).is_normalised
