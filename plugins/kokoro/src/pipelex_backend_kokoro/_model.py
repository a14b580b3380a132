"""Kokoro in memory: phonemes in, samples out, sentence by sentence."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime

from pipelex_backend_kokoro._phonemes import LONGEST, Phonemes
from pipelex_core.errors import UnsupportedInputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pipelex_core.sound import SpeechRequest

RATE = 24_000
"""Samples a second."""
_STYLE = 256
"""Numbers of a voice, for each length of what is spoken."""
_LOUDEST = 32_767


class KokoroModel:
    """The model, loaded from the folder of its files.

    Args:
        folder: Where they are.
        threads: How many compute.
    """

    def __init__(self, folder: Path, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        model = str(folder / "model.onnx")
        self._session: Any = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._phonemes = Phonemes(folder)

    def speak(self, request: SpeechRequest, voice: str) -> Iterator[bytes]:
        """Samples of 16 bits and one channel, a sentence at a time; nothing is computed before it is asked for.

        Raises:
            UnsupportedInputError: There is nothing in the text that can be spoken.
        """
        speed = np.array([request.speed or 1.0], np.float32)
        style, vocabulary = _voice(voice), _vocabulary()
        is_silent = True
        for phonemes in self._phonemes.sentences(request.text):
            ids = [vocabulary[sign] for sign in phonemes if sign in vocabulary][:LONGEST]
            inputs = {"tokens": np.array([[0, *ids, 0]], np.int64), "style": style[len(ids)][None], "speed": speed}
            (sound, *_) = self._session.run(None, inputs)
            is_silent = False
            yield (np.clip(sound.ravel(), -1, 1) * _LOUDEST).astype("<i2").tobytes()
        if is_silent:
            msg = f"model '{request.spec.name}' speaks English, and there is no word of it in this text"
            raise UnsupportedInputError(msg)


def voices() -> tuple[str, ...]:
    """The names of the voices here."""
    return tuple(sorted(file.name.removesuffix(".bin") for file in files(__package__).joinpath("voices").iterdir()))


@cache
def _vocabulary() -> Mapping[str, int]:
    """A number for each phoneme."""
    found: dict[str, int] = json.loads(files(__package__).joinpath("vocabulary.json").read_text(encoding="utf-8"))
    return found


@cache
def _voice(name: str) -> Any:
    """An array of 510 × 256 numbers."""
    data = files(__package__).joinpath("voices", f"{name}.bin").read_bytes()
    return np.frombuffer(data, "<f4").reshape(-1, _STYLE)
