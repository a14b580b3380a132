"""Reasoning that a model writes into its answer, in a leading `<think>…</think>`, or several, separated from the answer.

Templates of many models open the thought in the prompt, so the answer has the closing tag alone: what precedes it is
reasoning too. An answer that does not begin with a tag is held back until that tag came, or its end.
"""

from __future__ import annotations

_START, _END = "<think>", "</think>"


class ThinkTags:
    """Takes an answer piece by piece, and gives the visible pieces back.

    Attributes:
        reasoning: What stood between the tags so far.
    """

    def __init__(self) -> None:
        self.reasoning = ""
        self._held = ""
        self._tag: str | None = _START  # the tag that is waited for; None once the answer proper has begun
        self._is_again = False  # whether a thought has ended, and another may begin
        self._is_blank = False  # whether only blank lines came since the reasoning ended

    def feed(self, text: str) -> str:
        """The part of a piece that is known to be visible; what might be reasoning is held back."""
        if self._is_again:
            return self._again(text)
        if self._tag is None:
            return self._begun(text)
        searched = max(0, len(self._held) - len(_END))
        self._held += text
        if self._tag == _START:
            held = self._held.lstrip()
            if held.startswith(_START):
                self._held, self._tag = held[len(_START) :], _END
            else:
                start, end = self._held.find(_START, searched), self._held.find(_END, searched)
                if end >= 0 and (start < 0 or end < start):
                    self._tag = _END
                elif start >= 0:  # the answer speaks of tags
                    return self.flush()
        if self._tag == _END:
            return self._reason()
        return ""

    def flush(self) -> str:
        """What was held back, at the end or where no tag came: the answer, or reasoning that was cut short."""
        held, self._held = self._held, ""
        if self._tag == _END:
            self.reasoning += held
            return ""
        self._tag = None
        if self._is_again:
            self._is_again = False
            return self._begun(held)
        return held

    def _again(self, text: str) -> str:
        self._held += text
        held = self._held.lstrip()
        if held.startswith(_START):
            self._held, self._tag, self._is_again = held[len(_START) :], _END, False
            self.reasoning += "\n" if self.reasoning else ""
            return self._reason()
        if _START.startswith(held):
            return ""
        visible, self._held, self._is_again = self._held, "", False
        return self._begun(visible)

    def _begun(self, text: str) -> str:
        if self._is_blank:
            text = text.lstrip("\n")
            self._is_blank = not text
        return text

    def _reason(self) -> str:
        inside, end, rest = self._held.partition(_END)
        if end:
            self.reasoning = (self.reasoning + inside).strip("\n")
            self._held, self._tag, self._is_again, self._is_blank = "", None, True, True
            return self._again(rest)
        kept = len(_END) - 1
        self.reasoning += inside[:-kept]
        self._held = inside[-kept:]
        return ""
