"""Every rule of every wire has an example that breaks it: a fact, or a request of `examples.py`."""

from __future__ import annotations

from functools import cache

import pytest

import pipelex_rules
from pipelex_rules.facts.running import concerns_a_body, is_spoken, read_facts, run_fact
from pipelex_rules.wires import PLACES, wire
from tests.rules.examples import EXAMPLES, Example
from tests.rules.test_facts import OWN, RULES


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.rule)
def test_an_example_breaks_its_rule_and_the_good_one_none(example: Example) -> None:
    """The rule is among what the bad request breaks; the good one is taken."""
    provider, api = example.wire
    good, model = example.request(example.good)
    bad, _ = example.request(example.bad)
    if example.good or not example.model:
        assert [(each.rule, each.place) for each in pipelex_rules.check(provider, api, good, model=model)] == []
    assert example.rule in [
        each.rule for each in pipelex_rules.check(provider, api, bad, model=model, headers=example.headers)
    ]


@cache
def shown() -> frozenset[str]:
    """The rules that facts and examples break."""
    facts = [*read_facts(OWN), *read_facts(RULES)]
    outcomes = [run_fact(fact) for fact in facts if is_spoken(fact) and concerns_a_body(fact)]
    return frozenset({violation.rule for each in outcomes for violation in each.violations}) | {
        example.rule for example in EXAMPLES
    }


@pytest.mark.skipif(not RULES.is_file(), reason="no handed facts: set PIPELEX_RULES")
@pytest.mark.parametrize("provider", PLACES)
def test_every_rule_has_an_example(provider: str) -> None:
    """At its own wire, or at another one that has the same rule."""
    same: dict[object, list[str]] = {}
    for name, apis in PLACES.items():
        for each in (wire(name, api) for api in apis):
            for rule in each.rules:
                same.setdefault((rule.name, rule.find), []).append(f"{each.provider}.{each.api}.{rule.name}")
    own = [ids for ids in same.values() if any(each.startswith(f"{provider}.") for each in ids)]
    assert own
    assert [ids[0] for ids in own if shown().isdisjoint(ids)] == []
