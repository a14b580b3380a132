"""`python -m pipelex_rules FILE.jsonl`: facts, each put at its place in a good request."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from pipelex_rules.__main__ import main
from pipelex_rules.facts.running import concerns_a_body, is_spoken, read_facts, run_fact

RULES = Path(os.environ.get("PIPELEX_RULES", Path(__file__).parents[2].parent / "shared" / "rules")) / "rules.jsonl"
OWN = Path(__file__).with_name("facts.jsonl")
UNDECIDABLE = {
    "openai-a336fe5e",  # whether an address can be fetched
    "google-07b73b63",  # the same
    "anthropic-e246b8da",  # whether a signature fits its thought
    "google-d661f7b4",  # what getModel says
    "fal-661efb7c",  # what a moderator thinks of a prompt
    "fal-800c62bf",  # what is on a picture
}
"""Facts that no body shows."""


@pytest.mark.skipif(not RULES.is_file(), reason="no handed facts: set PIPELEX_RULES")
def test_handed_facts_agree() -> None:
    """Of every handed fact about a body the valid example is taken, and the invalid one refused unless no body could show it."""
    outcomes = [run_fact(fact) for fact in read_facts(RULES) if is_spoken(fact) and concerns_a_body(fact)]

    assert [outcome.fact["id"] for outcome in outcomes if not outcome.accepted] == []
    assert {outcome.fact["id"] for outcome in outcomes if not outcome.refused} <= UNDECIDABLE
    assert len(outcomes) > 300


def test_own_facts_agree() -> None:
    """Of every fact in facts.jsonl the valid example is taken and the invalid one refused."""
    outcomes = [run_fact(fact) for fact in read_facts(OWN)]

    wrong = [
        (
            outcome.fact["provider"],
            outcome.fact["where"],
            outcome.fact["rule"],
            [each.rule for each in outcome.complaints],
        )
        for outcome in outcomes
        if not (outcome.accepted and outcome.refused)
    ]
    assert not wrong


def test_last_line_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The last line tells how many agree; providers without a wire are counted apart; the status tells a disagreement."""
    facts = [
        {"provider": "openai", "api": "chat", "where": "temperature", "valid_example": 1, "invalid_example": 3},
        {"provider": "openai", "api": "chat", "where": "temperature", "valid_example": 3, "invalid_example": 1},
        {"provider": "cohere", "api": "chat", "where": "k", "valid_example": 1, "invalid_example": 900},
        {"provider": "openai", "api": "chat", "where": "traffic", "valid_example": "good", "invalid_example": "bad"},
    ]
    path = tmp_path / "facts.jsonl"
    path.write_text("".join(json.dumps(fact) + "\n" for fact in facts), encoding="utf-8")

    status = main([str(path)])

    lines = capsys.readouterr().out.splitlines()
    assert status == 1
    assert lines[-1] == "1 of 2 invalid refused, 1 of 2 valid accepted"
    assert "cohere: 1 passed over, no backend speaks it" in lines
    assert re.search(r"openai: 1 of 2 invalid refused, 1 of 2 valid accepted", "\n".join(lines))


@pytest.mark.parametrize("line", ["{", "[1]", '{"provider": "openai"}'])
def test_broken_files_name_their_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str) -> None:
    """A line that is not a fact is told with file and number, and the status is 2."""
    path = tmp_path / "facts.jsonl"
    path.write_text(f"\n{line}\n", encoding="utf-8")

    assert main([str(path)]) == 2
    assert f"{path}:2: " in capsys.readouterr().err
