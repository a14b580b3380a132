"""`python -m pipelex_rules FILE.jsonl`: run a file of facts against the rules; `--rules` lists the rules themselves."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from pipelex_rules.facts.running import Outcome, concerns_a_body, is_spoken, read_facts, run_fact
from pipelex_rules.wires import PLACES, wire

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the facts and print how many agree; the status is 1 where one does not, 2 where a file cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m pipelex_rules", description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE.jsonl", help="facts, one JSON object a line")
    parser.add_argument("--rules", action="store_true", help="list the rules: id, words, source, date")
    parser.add_argument(
        "--verbose", action="store_true", help="tell for every fact which rules refuse the invalid fragment"
    )
    options = parser.parse_args(arguments)
    if options.rules:
        _list_rules()
        return 0
    if not options.files:
        parser.error("name a file of facts, or use --rules")
    try:
        facts = [fact for path in options.files for fact in read_facts(path)]
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    spoken = [fact for fact in facts if is_spoken(fact)]
    outcomes = [run_fact(fact) for fact in spoken if concerns_a_body(fact)]
    _tell(outcomes, verbose=options.verbose)
    _count(facts, spoken, outcomes)
    return 0 if all(outcome.accepted and outcome.refused for outcome in outcomes) else 1


def _tell(outcomes: list[Outcome], *, verbose: bool) -> None:
    for outcome in outcomes:
        fact = outcome.fact
        if outcome.accepted and outcome.refused and not verbose:
            continue
        label = f"{fact.get('id', '?')} {fact['provider']} {fact['api']} {fact['where']}: {fact.get('rule', '')}"
        if not outcome.accepted:
            reason = (
                f"{outcome.complaints[0].rule}: {outcome.complaints[0].words}"
                if outcome.complaints
                else "it has no place in a request"
            )
            _print(f"valid refused    {label[:200]} | {reason[:200]}")
        elif not outcome.refused:
            _print(f"invalid accepted {label[:200]}")
        else:
            _print(
                f"agrees           {label[:140]} | {', '.join(violation.rule for violation in outcome.violations[:3])}"
            )


def _count(facts: list[dict[str, object]], spoken: list[dict[str, object]], outcomes: list[Outcome]) -> None:
    table: dict[str, Counter[str]] = {}
    for outcome in outcomes:
        row = table.setdefault(str(outcome.fact["provider"]), Counter())
        row.update(
            all=1, refused=int(outcome.refused), accepted=int(outcome.accepted), warned=int(_only_warned(outcome))
        )
    for provider, row in sorted(table.items()):
        warned = f" ({row['warned']} as a warning)" if row["warned"] else ""
        _print(
            f"{provider}: {row['refused']} of {row['all']} invalid refused{warned}, {row['accepted']} of {row['all']} valid accepted"
        )
    passed_over = Counter(str(fact["provider"]) for fact in facts if fact not in spoken)
    for provider, count in sorted(passed_over.items()):
        _print(f"{provider}: {count} passed over, no backend speaks it")
    _print(f"{len(spoken) - len(outcomes)} facts are not about the body of a request")
    total = len(outcomes)
    refused = sum(outcome.refused for outcome in outcomes)
    accepted = sum(outcome.accepted for outcome in outcomes)
    _print(f"{refused} of {total} invalid refused, {accepted} of {total} valid accepted")


def _only_warned(outcome: Outcome) -> bool:
    return outcome.refused and all(violation.severity == "warn" for violation in outcome.violations)


def _list_rules() -> None:
    for provider, apis in PLACES.items():
        for api in apis:
            for rule in wire(provider, api).rules:
                _print(
                    f"{provider}.{api}.{rule.name}\t{rule.severity}\t{rule.words}\t{rule.source.where}\t{rule.source.as_of}"
                )


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
