"""Settings: what each may be, strictly, and what is wrong with one that is not."""

from __future__ import annotations

from typing import Any

import pytest

from pipelex_core.capabilities import BUILT_IN
from pipelex_core.capabilities.operations import FORMATS
from pipelex_core.settings import check_settings

RIGHT: list[tuple[str, str, list[Any]]] = [
    ("llm", "temperature", [0, 0.5, 1, 2.0]),
    ("llm", "max_tokens", [1, 100_000, "auto"]),
    ("llm", "prompting_target", ["openai", ""]),
    ("llm", "top_p", [0, 1]),
    ("llm", "seed", [0, 7]),
    ("llm", "stop", [[], ["a"], ("a", "b")]),
    ("llm", "reasoning_effort", ["none", "minimal", "low", "medium", "high", "xhigh", "max"]),
    ("llm", "reasoning_budget", [0, 1024]),
    ("llm", "cache", ["5m", "1h"]),
    ("llm", "logprobs", [0, 5, 20]),
    ("llm", "n", [1, 5]),
    ("extract", "max_nb_images", [0, 100]),
    ("extract", "image_min_size", [0, 50]),
    ("embed", "purpose", ["query", "document"]),
    ("embed", "dimensions", [1, 3072]),
    ("img_gen", "quality", ["low", "medium", "high"]),
    ("img_gen", "nb_steps", [1, 50]),
    ("img_gen", "guidance_scale", [0.1, 7.5, 20]),
    ("img_gen", "is_moderated", [True, False]),
    ("img_gen", "safety_tolerance", [1, 6]),
    ("img_gen", "aspect_ratio", ["16:9"]),
    ("img_gen", "seed", [0]),
    ("img_gen", "number", [1, 4]),
    ("img_gen", "background", ["transparent", "opaque", "auto"]),
    ("img_gen", "output_format", ["png", "jpeg", "webp"]),
    ("transcribe", "language", ["en", "de"]),
    ("transcribe", "timestamps", ["segment", "word"]),
    ("transcribe", "speakers", [True, False]),
    ("transcribe", "prompt", ["Pipelex, ZyntriQix"]),
    ("speak", "voice", ["alloy"]),
    ("speak", "format", [*FORMATS]),
    ("speak", "speed", [0.25, 1, 4.0]),
    ("speak", "instructions", ["Whisper."]),
    ("rerank", "top_n", [1, 1000]),
]
WRONG: list[tuple[str, str, list[Any]]] = [
    ("llm", "temperature", [-0.1, 2.1, "0.5", True, [], float("nan"), float("inf"), 2**70]),
    ("llm", "max_tokens", [0, -1, 1.5, "all", "5", True, 2**70]),
    ("llm", "prompting_target", [3]),
    ("llm", "top_p", [1.1, -1]),
    ("llm", "seed", [-1, 1.5]),
    ("llm", "stop", ["a", [1], b"a"]),
    ("llm", "reasoning_effort", ["lots", 3]),
    ("llm", "reasoning_budget", [-1]),
    ("llm", "cache", ["2h", 5]),
    ("llm", "logprobs", [-1, 21, True]),
    ("llm", "n", [0, "3"]),
    ("extract", "max_nb_images", [-1, 1.5, "all"]),
    ("extract", "image_min_size", [-1]),
    ("embed", "purpose", ["search", 1]),
    ("embed", "dimensions", [0, 1.5, "256"]),
    ("img_gen", "quality", ["best", 1]),
    ("img_gen", "nb_steps", [0, "4"]),
    ("img_gen", "guidance_scale", [0, -1, "7"]),
    ("img_gen", "is_moderated", [1, "true"]),
    ("img_gen", "safety_tolerance", [0, 7, 2.5]),
    ("img_gen", "number", [0]),
    ("img_gen", "output_format", ["gif"]),
    ("transcribe", "language", [1, True]),
    ("transcribe", "timestamps", ["sentence", True]),
    ("transcribe", "speakers", [1, "true"]),
    ("transcribe", "prompt", [["a"], 3]),
    ("speak", "voice", [1]),
    ("speak", "format", ["midi", 1]),
    ("speak", "speed", [0.2, 4.1, "1", True]),
    ("speak", "instructions", [3]),
    ("rerank", "top_n", [0, 1.5, "3", True]),
]


@pytest.mark.parametrize(
    ("capability", "name", "value"), [(kind, name, value) for kind, name, values in RIGHT for value in values]
)
def test_a_right_value_has_no_fault(capability: str, name: str, value: Any) -> None:
    """The ranges of the documentation, their ends included."""
    assert check_settings(BUILT_IN[capability], {name: value}) == []


@pytest.mark.parametrize(
    ("capability", "name", "value"), [(kind, name, value) for kind, name, values in WRONG for value in values]
)
def test_a_wrong_value_is_one_fault(capability: str, name: str, value: Any) -> None:
    """Out of range, of another type, or no number at all; with what was expected."""
    (fault,) = check_settings(BUILT_IN[capability], {name: value})
    assert (fault.name, fault.unknown, fault.expected) == (name, False, BUILT_IN[capability].settings[name].expected)


def test_every_setting_is_in_both_lists() -> None:
    """A new setting cannot be left out of the tests."""
    every = {(kind.name, name) for kind in BUILT_IN for name in kind.settings}
    pairs = {("img_gen", "width"), ("img_gen", "height")}
    assert {(capability, name) for capability, name, _ in RIGHT} | pairs == every
    free = {("img_gen", "aspect_ratio"), ("img_gen", "seed"), ("img_gen", "background")}
    assert {(capability, name) for capability, name, _ in WRONG} | pairs | free == every


def test_an_unknown_setting_gets_the_nearest_name() -> None:
    """Each capability has its own."""
    (fault,) = check_settings(BUILT_IN["llm"], {"temprature": 0.5})
    assert (fault.unknown, fault.suggestion) == (True, "temperature")
    (fault,) = check_settings(BUILT_IN["extract"], {"temperature": 0.5})
    assert fault.unknown
    assert "max_nb_images" in (fault.expected or "")


def test_none_means_not_given() -> None:
    """As in a call whose argument was left out."""
    assert check_settings(BUILT_IN["llm"], {"temperature": None, "whatever": None}) == []


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"quality": "low", "nb_steps": 4}, "nb_steps"),
        ({"width": 64}, "width"),
        ({"height": 64}, "height"),
        ({"aspect_ratio": "1:1", "width": 64, "height": 64}, "width"),
    ],
)
def test_some_settings_exclude_or_need_each_other(settings: dict[str, Any], name: str) -> None:
    """Quality or steps; a size whole; a size or a ratio."""
    assert [fault.name for fault in check_settings(BUILT_IN["img_gen"], settings)] == [name]


def test_all_faults_are_found_in_order() -> None:
    """Not the first alone; and a value too long to read is cut."""
    faults = check_settings(BUILT_IN["llm"], {"temperature": 9, "nonsense": 1, "stop": "x" * 500})
    assert [fault.name for fault in faults] == ["temperature", "nonsense", "stop"]
    assert max(len(fault.message) for fault in faults) < 100
