"""A sentence encoder of the BERT family as a GGUF file: the publisher's safetensors and tokenizer, made once into what llama.cpp reads.

Matrices are quantised to Q8_0, blocks of 32 numbers that share a scale: 25 MB of 91, and the same quality. It is written in the
standard library alone and exact to the bit, so that the catalogue's hash of the file holds wherever it is made.

https://github.com/ggml-org/ggml/blob/master/docs/gguf.md · https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import json
import struct
import sys
from array import array
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import IO

_U32, _I32, _F32, _BOOL, _STRING, _ARRAY = 4, 5, 6, 7, 8, 9
_FORMS = {_U32: "<I", _F32: "<f", _BOOL: "<?"}
_PLAIN, _Q8_0 = 0, 8
_BLOCK = 32
_ALIGNMENT = 32
_TENSORS = {
    "embeddings.word_embeddings": "token_embd",
    "embeddings.position_embeddings": "position_embd",
    "embeddings.token_type_embeddings": "token_types",
    "embeddings.LayerNorm": "token_embd_norm",
}
_OF_A_LAYER = {
    "attention.self.query": "attn_q",
    "attention.self.key": "attn_k",
    "attention.self.value": "attn_v",
    "attention.output.dense": "attn_output",
    "attention.output.LayerNorm": "attn_output_norm",
    "intermediate.dense": "ffn_up",
    "output.dense": "ffn_down",
    "output.LayerNorm": "layer_output_norm",
}
_UNQUANTISED = ("position_embd", "token_types")
_SPECIAL = {
    "unknown_token_id": "[UNK]",
    "seperator_token_id": "[SEP]",
    "padding_token_id": "[PAD]",
    "cls_token_id": "[CLS]",
    "bos_token_id": "[CLS]",
    "mask_token_id": "[MASK]",
}


def make(name: str, weights: Path, tokenizer: Path, target: Path, *, stopped: Callable[[], bool]) -> bool:
    """Write the GGUF file of an encoder; whether it was not stopped before its end.

    Args:
        name: The model's name in the file.
        weights: Its `model.safetensors`, all float32.
        tokenizer: Its `tokenizer.json`, a WordPiece one.
        target: Where to write.
        stopped: Asked now and then whether to stop.
    """
    with weights.open("rb") as source, target.open("wb") as out:
        tensors = _Safetensors(source)
        metadata = _metadata(name, tensors, json.loads(tokenizer.read_text(encoding="utf-8"))["model"]["vocab"])
        plan = list(_plan(tensors))
        infos, at = [], 0
        for original, made, kind in plan:
            shape = tensors.shape(original)
            infos.append(_string(made) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *reversed(shape), kind, at))
            at += _padded(tensors.size(original) if kind == _PLAIN else tensors.size(original) // 4 // _BLOCK * 34)
        head = b"GGUF" + struct.pack("<IQQ", 3, len(infos), len(metadata)) + b"".join(metadata) + b"".join(infos)
        out.write(head.ljust(_padded(len(head)), b"\0"))
        for original, _, kind in plan:
            if stopped():
                return False
            data = tensors.read(original)
            written = data if kind == _PLAIN else _quantised(data)
            out.write(written.ljust(_padded(len(written)), b"\0"))
    return True


class _Safetensors:
    """The tensors of a file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        length = int.from_bytes(file.read(8), "little")
        self._head: dict[str, Any] = json.loads(file.read(length))
        self._start = 8 + length

    def __contains__(self, name: str) -> bool:
        return name in self._head

    def shape(self, name: str) -> list[int]:
        """Its dimensions, the outermost first."""
        return list(self._head[name]["shape"])

    def size(self, name: str) -> int:
        """Its bytes."""
        start, end = self._head[name]["data_offsets"]
        return int(end - start)

    def read(self, name: str) -> bytes:
        """Its numbers: little-endian float32."""
        self._file.seek(self._start + self._head[name]["data_offsets"][0])
        return self._file.read(self.size(name))

    @property
    def layers(self) -> int:
        """How many there are."""
        return 1 + max(int(name.split(".")[2]) for name in self._head if name.startswith("encoder.layer."))


def _plan(tensors: _Safetensors) -> Iterator[tuple[str, str, int]]:
    """Each tensor: its name here and there, and what it becomes."""
    names = dict(_TENSORS)
    for layer in range(tensors.layers):
        names |= {f"encoder.layer.{layer}.{old}": f"blk.{layer}.{new}" for old, new in _OF_A_LAYER.items()}
    for old, new in names.items():
        for part in ("weight", "bias"):
            if f"{old}.{part}" in tensors:
                is_matrix = len(tensors.shape(f"{old}.{part}")) > 1 and new not in _UNQUANTISED
                yield f"{old}.{part}", f"{new}.{part}", _Q8_0 if is_matrix else _PLAIN


def _quantised(data: bytes) -> bytes:
    """Float32 as Q8_0: of each block, a scale in half precision and 32 whole numbers.

    A quotient of two float32 in double precision, rounded to float32, is the quotient in float32.
    """
    numbers = _native(array("f", data))
    blocks = []
    pack = struct.Struct("<e").pack
    for at in range(0, len(numbers), _BLOCK):
        block = numbers[at : at + _BLOCK]
        high, low = max(block), min(block)
        scale = array("f", [max(high, -low) / 127])[0]
        divisor = scale or 1.0
        rounded = array("b", map(round, array("f", [number / divisor for number in block])))
        blocks.append(pack(scale) + rounded.tobytes())
    return b"".join(blocks)


def _native(numbers: array[float]) -> array[float]:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def _metadata(name: str, tensors: _Safetensors, vocabulary: dict[str, int]) -> list[bytes]:
    tokens = sorted(vocabulary, key=vocabulary.__getitem__)
    positions, width = tensors.shape("embeddings.position_embeddings.weight")
    inner = tensors.shape("encoder.layer.0.intermediate.dense.weight")[0]
    kinds = [3 if _is_special(token) and not token.startswith("[unused") else 1 for token in tokens]
    return [
        _pair("general.architecture", _STRING, "bert"),
        _pair("general.name", _STRING, name),
        _pair("general.file_type", _U32, 7),
        _pair("bert.block_count", _U32, tensors.layers),
        _pair("bert.context_length", _U32, positions),
        _pair("bert.embedding_length", _U32, width),
        _pair("bert.feed_forward_length", _U32, inner),
        _pair("bert.attention.head_count", _U32, width // 32),
        _pair("bert.attention.layer_norm_epsilon", _F32, 1e-12),
        _pair("bert.attention.causal", _BOOL, False),
        _pair("bert.pooling_type", _U32, 1),  # the mean
        _pair("tokenizer.ggml.model", _STRING, "bert"),
        _pair("tokenizer.ggml.token_type_count", _U32, 2),
        *(_pair(f"tokenizer.ggml.{key}", _U32, vocabulary[token]) for key, token in _SPECIAL.items()),
        _list("tokenizer.ggml.tokens", _STRING, len(tokens), b"".join(_string(_marked(token)) for token in tokens)),
        _list("tokenizer.ggml.token_type", _I32, len(kinds), struct.pack(f"<{len(kinds)}i", *kinds)),
    ]


def _is_special(token: str) -> bool:
    return token[0] == "[" and token[-1] == "]"


def _marked(token: str) -> str:
    """A token as llama.cpp has it: where a word begins is marked, and not where it goes on."""
    if token.startswith("##"):
        return token[2:]
    return token if _is_special(token) else f"\u2581{token}"


def _string(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _pair(key: str, kind: int, value: Any) -> bytes:
    written = _string(value) if kind == _STRING else struct.pack(_FORMS[kind], value)
    return _string(key) + struct.pack("<I", kind) + written


def _list(key: str, kind: int, count: int, items: bytes) -> bytes:
    return _string(key) + struct.pack("<IIQ", _ARRAY, kind, count) + items


def _padded(size: int) -> int:
    return size + -size % _ALIGNMENT
