"""DSPy's interface on pipelex-core: `lm("smart_llm")`, a `dspy.LM` whose model is a handle."""

from __future__ import annotations

from pipelex_dspy.engine import AsyncPipelexEngine, PipelexEngine, lm

__all__ = ["AsyncPipelexEngine", "PipelexEngine", "lm"]
