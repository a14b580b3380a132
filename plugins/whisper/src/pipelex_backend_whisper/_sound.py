"""A recording as samples: decoded, mixed to one channel, resampled to 16 kHz, and cut into windows, piece by piece."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from pipelex_backend_whisper._features import RATE, WINDOW
from pipelex_core.errors import BadRequestError, UnsupportedInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelex_backend_whisper._features import Samples
    from pipelex_core.sound import Recording

_BY_SOUNDFILE = frozenset({"audio/wav", "audio/aiff", "audio/flac", "audio/ogg", "audio/mpeg"})
_SEARCHED = 10 * RATE
"""Samples at a window's end in which its quietest place is looked for, to cut there."""
_QUIET = RATE // 10


def windows(recording: Recording) -> Iterator[tuple[float, Samples]]:
    """Where each window begins, in seconds, and its samples: at most 30 seconds of them, one window in memory at a time.

    Raises:
        BadRequestError: The recording is damaged.
        UnsupportedInputError: Nothing here decodes it, or it has no bytes.
    """
    held: list[Samples] = []
    count = start = 0
    for piece in _pieces(recording):
        held.append(piece)
        count += len(piece)
        while count > WINDOW:
            samples = np.concatenate(held)
            cut = _quietest(samples[:WINDOW])
            yield start / RATE, samples[:cut]
            start, held, count = start + cut, [samples[cut:]], count - cut
    if count:
        yield start / RATE, np.concatenate(held)
    elif not start:
        msg = f"the recording '{recording.name}' has no sound in it: not one sample"
        raise BadRequestError(msg)


def _quietest(samples: Samples) -> int:
    """Where to cut a full window: in the middle of the quietest tenth of a second of its last ten."""
    energy = np.add.reduceat(samples[-_SEARCHED:] ** 2, np.arange(0, _SEARCHED, _QUIET))
    return WINDOW - _SEARCHED + int(energy.argmin()) * _QUIET + _QUIET // 2


def _pieces(recording: Recording) -> Iterator[Samples]:
    """Samples of one channel at 16 kHz."""
    with recording.open() as file:
        if recording.media_type in _BY_SOUNDFILE:
            yield from _by_soundfile(file, recording)
        elif find_spec("av") is not None:
            yield from _by_av(file, recording)
        else:
            msg = (
                f"{recording.media_type} is not decoded here without PyAV: pip install 'pipelex-backend-whisper[av]', "
                "or make it WAV, FLAC, OGG or MP3"
            )
            raise UnsupportedInputError(msg)


def _by_soundfile(file: BinaryIO, recording: Recording) -> Iterator[Samples]:
    import soundfile
    import soxr

    try:
        with soundfile.SoundFile(file) as sound:
            rate = sound.samplerate
            resampler = soxr.ResampleStream(rate, RATE, 1, dtype="float32") if rate != RATE else None
            for block in sound.blocks(blocksize=rate, dtype="float32", always_2d=True):
                mixed = np.ascontiguousarray(block.mean(axis=1))
                yield resampler.resample_chunk(mixed) if resampler else mixed
            if resampler:
                yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)
    except (soundfile.LibsndfileError, ValueError) as error:
        raise _damaged(recording, error) from error


def _by_av(file: BinaryIO, recording: Recording) -> Iterator[Samples]:
    import av

    try:
        with av.open(file, "r") as container:
            if not container.streams.audio:
                msg = f"the recording '{recording.name}' has no sound in it"
                raise BadRequestError(msg)
            resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
            frames: Any = container.decode(container.streams.audio[0])
            for frame in frames:
                yield from _samples_of(resampler.resample(frame))
            yield from _samples_of(resampler.resample(None))
    except av.FFmpegError as error:
        raise _damaged(recording, error) from error


def _samples_of(frames: Any) -> Iterator[Samples]:
    for frame in frames:
        yield np.ascontiguousarray(frame.to_ndarray().ravel(), np.float32)


def _damaged(recording: Recording, error: Exception) -> BadRequestError:
    return BadRequestError(f"the recording '{recording.name}' cannot be decoded: {error}")
