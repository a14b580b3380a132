"""What Whisper hears: 30 seconds of sound as a log-mel spectrogram (https://arxiv.org/abs/2212.04356, section 2.2)."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples: TypeAlias = NDArray[np.float32]

RATE = 16_000
"""Samples a second."""
WINDOW = 30 * RATE
"""Samples that the model looks at in one go."""
HOP = 160
"""Samples from one frame to the next: 10 ms."""

_FFT = 400
_BANDS = 80
_FLOOR = 1e-10
_RANGE = 8.0
"""Powers of ten below the loudest, that are heard."""


def spectrogram(samples: Samples) -> Samples:
    """An array of 1 × 80 × 3,000 of at most 30 seconds of sound; what is missing of them is silence."""
    padded = np.pad(np.pad(samples, (0, WINDOW - len(samples))), _FFT // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::HOP][: WINDOW // HOP]
    power = np.abs(np.fft.rfft(frames * _hann(), axis=1)).astype(np.float32) ** 2
    levels = np.log10(np.maximum(_bands() @ power.T, _FLOOR))
    levels = np.maximum(levels, levels.max() - _RANGE)
    return np.ascontiguousarray((levels[None] + 4) / 4, np.float32)


@cache
def _hann() -> Samples:
    return np.hanning(_FFT + 1)[:-1].astype(np.float32)


@cache
def _bands() -> Samples:
    """Triangular filters, evenly spaced on Slaney's mel scale: linear up to 1 kHz, logarithmic above."""
    frequencies = np.fft.rfftfreq(_FFT, 1 / RATE)
    edges = _hertz(np.linspace(_mel(0.0), _mel(RATE / 2), _BANDS + 2))
    widths = np.diff(edges)
    rising = (frequencies - edges[:-2, None]) / widths[:-1, None]
    falling = (edges[2:, None] - frequencies) / widths[1:, None]
    filters = np.maximum(0, np.minimum(rising, falling)) * (2 / (edges[2:] - edges[:-2]))[:, None]
    return np.asarray(filters, np.float32)


_LINEAR = 200 / 3
_KNEE = 1000.0
_KNEE_MEL = _KNEE / _LINEAR
_STEP = np.log(6.4) / 27


def _mel(hertz: float) -> float:
    return hertz / _LINEAR if hertz < _KNEE else float(_KNEE_MEL + np.log(hertz / _KNEE) / _STEP)


def _hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(mel < _KNEE_MEL, mel * _LINEAR, _KNEE * np.exp(_STEP * (mel - _KNEE_MEL)))
