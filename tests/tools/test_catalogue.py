"""The specs that plugins ship are made from facts: what is converted, what is kept, and that they are in line."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import tomli
from genai_prices.types import ClauseEquals, ModelInfo, ModelPrice, PriceVariant, Tier, TieredPrices

from tools.catalogue import compare, distribution
from tools.catalogue.__main__ import main, renewed
from tools.catalogue.prices import costs_of, peak_hours

FACTS = Path(__file__).resolve().parents[3] / "shared" / "models" / "facts.jsonl"
DAY = "2026-11-30"


@pytest.mark.skipif(not FACTS.is_file(), reason=f"there are no facts in {FACTS}")
def test_the_shipped_specs_are_in_line_with_the_facts() -> None:
    """Making them again changes nothing."""
    assert main([str(FACTS), "--check"]) == 0


def test_a_price_is_in_the_words_of_a_spec() -> None:
    """A tier that begins at its border begins one token lower in a spec; what is paid besides tokens holds at any size."""
    price = {
        "input_per_mtok": Decimal(2),
        "output_per_mtok": 6,
        "web_search_per_1k": 5,
        "tiers": [{"above_input_tokens": 200_000, "input_per_mtok": 4, "output_per_mtok": 12}],
        "batch": {"input_per_mtok": 1, "output_per_mtok": 3},
        "from": {"2027-01-01": {"input_per_mtok": 3}},
    }
    search = Decimal("0.005")
    assert costs_of(price, "llm", border_is_inclusive=True) == {
        "input": 2,
        "output": 6,
        "search": search,
        "tiers": [{"above_input_tokens": 199_999, "input": 4, "output": 12, "search": search}],
        "batch": {"input": 1, "output": 3, "search": search},
        "changes": [{"from": "2027-01-01", "batch": {}, "input": 3}],
    }


@pytest.mark.parametrize(
    "price, model_type, costs",
    [
        ({}, "llm", None),
        ({"input_per_mtok": 1}, "embedding", {"input": 1, "output": 0}),
        ({"input_audio_per_minute": 6, "input_per_mtok": 1}, "transcriber", {"minute": 6}),
        ({"input_per_1k_chars": 15}, "speaker", {"character": Decimal("0.015")}),
        (
            {"input_per_mtok": 1, "output_audio_per_mtok": 10},
            "speaker",
            {"unit": "million_tokens", "input": 1, "output": 10, "output_audio": 10},
        ),
        ({"per_request": Decimal("0.002"), "input_per_mtok": 0}, "reranker", {"search": Decimal("0.002")}),
        ({"per_page": Decimal("0.004")}, "text_extractor", {"page": Decimal("0.004")}),
    ],
)
def test_each_type_of_model_has_one_way_to_be_paid(price: Any, model_type: str, costs: Any) -> None:
    """The one that its provider bills by."""
    assert costs_of(price, model_type) == costs


def test_peak_hours_are_what_off_peak_windows_leave() -> None:
    """On the days that have some."""
    windows: list[dict[str, Any]] = [
        {"hours_utc": ["00:00-01:00", "04:00-06:00", "10:00-00:00"], "weekdays": [1, 2, 3, 4, 5]},
        {"hours_utc": "00:00-00:00", "weekdays": [6, 7]},
    ]
    assert peak_hours(windows) == (["01:00-04:00", "06:00-10:00"], [1, 2, 3, 4, 5])


def test_a_table_of_hand_keeps_all_but_its_figures(tmp_path: Path) -> None:
    """Name, comments and ways stay; limits, prices and lives are the fact's; other models follow under their ids."""
    path = tmp_path / "acme.toml"
    path.write_text(
        '[defaults]\nmodel_type = "llm"\n\n# The best.\n[best]\nmodel_id = "one-1"\nway = "x"  # kept\n'
        'max_tokens = 5\ncosts = { input = 9 }\n\n# The last.\n["l.ast"]\nmodel_id = "none"\n'
    )
    fact = {"provider": "acme", "kind": "llm", "inputs": ["text"], "outputs": ["text"], "context_window": 100}
    ended = {"status": "retired", "retired_on": "2026-01-01", "successor": "one-2"}
    facts = [
        {**fact, **ended, "id": "one-1", "price": {"input_per_mtok": 1, "output_per_mtok": 2}},
        {**fact, "id": "one-2", "price": {}, "status": "live", "reasoning": {"efforts": ["low"]}},
    ]
    text = renewed(path, facts, DAY)
    assert text.startswith(
        '[defaults]\nmodel_type = "llm"\n\n# The best.\n[best]\nmodel_id = "one-1"\nway = "x"  # kept\n'
    )
    assert '\n\n# The last.\n["l.ast"]\n' in text
    tables = tomli.loads(text)
    assert tables["best"]["costs"] == {"input": 1, "output": 2}
    assert (str(tables["best"]["retired_on"]), tables["best"]["successor"]) == ("2026-01-01", "one-2")
    assert tables["one-2"]["way"] == "x"
    path.write_text(text)
    assert renewed(path, facts, DAY) == text


def test_the_distribution_has_what_the_plugins_ship() -> None:
    """Making its files again changes none; its version is its day."""
    assert distribution.main(["--check"]) == 0
    project = tomli.loads((distribution.PACKAGE.parents[1] / "pyproject.toml").read_text())["project"]
    assert project["version"].split(".") == [str(int(part)) for part in distribution.day().split("-")]
    assert project["dependencies"] == []


def test_a_distribution_of_another_day_differs(capsys: pytest.CaptureFixture[str]) -> None:
    """In its day and its version."""
    assert distribution.main(["--check", "--day", "2031-02-03"]) == 1
    assert capsys.readouterr().out.count("differs") == 2


def test_models_are_taken_over_without_backend_and_comments() -> None:
    """A file without a day of any fact is none of the catalogue's."""
    text = '# a\n[backend]\napi_key = "${X}"\n\n[defaults]\nsdk = "x"\n\n# b\n[m]\ncosts = { input = 1 }  # c\n'
    assert distribution.models_of(text) == ""
    kept = distribution.models_of(f'{text}as_of = "2026-01-01"\n')
    assert kept == '[defaults]\nsdk = "x"\n\n[m]\ncosts = { input = 1 }  # c\nas_of = "2026-01-01"\n'


def test_prices_that_others_have_otherwise_are_found() -> None:
    """Usual prices, tiers and services that both know; what costs nothing may be missing, what has ended is left out."""
    prices = ModelPrice(input_mtok=TieredPrices(base=Decimal(2), tiers=[Tier(start=9, price=Decimal(4))]))
    batch = PriceVariant(when={"processing": "batch"}, prices=ModelPrice(output_mtok=Decimal(1)), constraint=None)
    known = [
        ModelInfo(id="m-1", match=ClauseEquals(equals="m-1"), prices=prices, price_variants=[batch]),
        ModelInfo(id="m-2", match=ClauseEquals(equals="m-2"), prices=ModelPrice(input_mtok=Decimal(1))),
        ModelInfo(id="m-3", match=ClauseEquals(equals="m-3"), prices=ModelPrice(input_mtok=Decimal(1))),
    ]
    tiers = [{"above_input_tokens": 9, "input": 5}]
    services = {"batch": {"input": 2, "output": 1}, "flex": {"input": 1}}
    models: dict[str, dict[str, Any]] = {
        "one": {"model_id": "m-1", "costs": {"input": 2, "output": 0, "tiers": tiers, **services}},
        "m-2": {"costs": {"input": 2}, "retired_on": "2026-01-01"},
        "unknown": {"costs": {"input": 2}},
    }
    found = [str(each) for each in compare.differences("acme", models, known, datetime(2026, 12, 1, tzinfo=UTC))]
    assert found == [
        "acme  one  input above 9  5 here, 4 there",
        "acme  one  batch input above 9  none here, 4 there",
    ]
    assert list(compare.missing(models, known)) == ["m-3"]


def test_the_comparison_reads_every_file_that_it_names(capsys: pytest.CaptureFixture[str]) -> None:
    """One line for each difference, and how many there are."""
    code = compare.main(["deepseek", "groq", "--day", DAY])
    out, err = capsys.readouterr()
    assert code == (1 if out else 0)
    assert err.startswith(f"{len(out.splitlines())} differences from genai-prices")
    assert set(compare.PROVIDERS) <= {path.stem for path in distribution.ROOT.glob("plugins/*/src/*/specs/*.toml")}
