"""Embeddings: texts checked, split into requests, and put together again; what is paid is neither lost nor paid twice."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from pipelex_core import Client, errors
from pipelex_core.capabilities.operations import EMBED
from pipelex_core.client import AsyncClient
from pipelex_core.config import load
from pipelex_core.deck import Preset
from pipelex_core.errors import ConfigError
from pipelex_core.requests import EmbeddingRequest
from pipelex_core.results import EmbeddingAnswer, Usage
from pipelex_core.routing import ModelEntry, RouteMatch
from pipelex_core.vectors import PartialVectors, Vectors
from pipelex_operations.embed import read as read_texts
from tests.core.config_project import Project
from tests.support.scripted import VECTORS, Script, deck_of, plugins_for, spec

if TYPE_CHECKING:
    from pathlib import Path

    from pipelex_core.results import EmbeddingResult

TEXTS = tuple(f"text {number}" for number in range(10))
BUSY = errors.RateLimitError("busy", status=429)
GONE = errors.ServerError("down", status=500)


def client_of(script: Script, *specs: Any, **fields: Any) -> Client:
    """A client of a backend that answers from a script."""
    return Client(deck_of(*(specs or (VECTORS,)), **fields), plugins_for({"scripted": script, "second": script}))


def expected(*texts: str, **fields: Any) -> Vectors:
    """The vectors that the script makes of texts."""
    return EMBED.mock(EmbeddingRequest(spec=VECTORS, texts=texts, **fields)).vectors  # type: ignore[misc,no-any-return]


def test_one_text_is_one_request_and_a_vector() -> None:
    """With what it used and cost, and the purpose in the result."""
    script = Script()
    with client_of(script) as client:
        result = client.embed("a river", model="vectors", purpose="query", dimensions=4)
    (request,) = script.requests
    assert (request.texts, request.purpose, request.dimensions) == (("a river",), "query", 4)
    assert (result.vectors, result.dimensions, result.purpose) == (expected("a river", dimensions=4), 4, "query")
    assert (result.normalised, result.model, result.backend, len(result.attempts)) == (True, "vectors", "scripted", 1)
    assert result.cost is not None
    assert result.cost.amount == Decimal("0.000002")


def test_many_texts_are_split_as_the_model_takes_them_and_keep_their_order() -> None:
    """Three a request: ten texts are four requests, one ledger, and one sum."""
    script = Script()
    with client_of(script) as client:
        result = client.embed(list(TEXTS), model="vectors")
    assert sorted(len(request.texts) for request in script.requests) == [1, 3, 3, 3]
    assert result.vectors == expected(*TEXTS)
    assert (result.usage.input_tokens, result.usage.output_tokens, len(result.attempts)) == (20, 0, 4)
    assert result.request_id is None
    assert result.cost == result.total_cost
    assert isinstance(result.raw, tuple)


def test_the_tokens_of_a_request_are_bounded_too() -> None:
    """By what the texts have at most; a text that is longer than that alone goes alone."""
    script = Script()
    model = evolve(VECTORS, max_inputs=None, context_window=None, max_request_tokens=100)
    texts = ["x" * 60, "x" * 60, "x" * 60, "x" * 500, "x", "y"]
    with client_of(script, model) as client:
        result = client.embed(texts, model="vectors")
    assert sorted(tuple(map(len, request.texts)) for request in script.requests) == [(1, 1), (60,), (60, 60), (500,)]
    assert result.vectors == expected(*texts)


def test_only_the_requests_that_failed_are_made_again() -> None:
    """The others are paid, and kept."""
    script = Script(answers=["a", BUSY, "b", "c", "d"])
    with client_of(script) as client:
        result = client.embed(TEXTS, model="vectors")
    assert len(script.requests) == 5
    requested = [request.texts for request in script.requests]
    assert len(set(requested)) == 4
    assert result.vectors == expected(*TEXTS)
    assert sorted(attempt.outcome for attempt in result.attempts) == ["error", "ok", "ok", "ok", "ok"]


def test_a_call_that_fails_keeps_what_is_paid_and_goes_on_from_there() -> None:
    """The error says which texts failed, and has the others; with `resume`, only what is missing is sent."""
    script = Script(answers=["a", errors.BadRequestError("no", status=400), "b"])
    model = evolve(VECTORS, max_inputs=3)
    with client_of(script, model) as client:
        with pytest.raises(
            errors.BadRequestError, match=r"inputs\[\d\] to inputs\[\d\]: no; the longest of them is"
        ) as caught:
            client.embed(TEXTS, model="vectors", retries=0)
        partial = caught.value.partial
        assert isinstance(partial, PartialVectors)
        made = [at for at in range(10) if at not in partial.missing]
        assert made
        assert partial.vectors == expected(*(TEXTS[at] for at in made))
        assert len(caught.value.attempts) == len(script.requests)
        script.requests.clear()
        result = client.embed(TEXTS, model="vectors", resume=partial)
    sent = [text for request in script.requests for text in request.texts]
    assert sorted(sent) == sorted(TEXTS[at] for at in partial.missing)
    assert result.vectors == expected(*TEXTS)


def test_nothing_is_begun_after_a_failure() -> None:
    """Requests under way end, further ones are not sent."""
    script = Script(answers=[errors.BadRequestError("no", status=400)])
    with client_of(script, evolve(VECTORS, max_inputs=1)) as client, pytest.raises(errors.BadRequestError) as caught:
        client.embed([f"text {at}" for at in range(100)], model="vectors")
    assert len(script.requests) <= 8
    assert caught.value.partial is None


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"texts": TEXTS[::-1]}, "same texts"),
        ({"texts": TEXTS[:9]}, "same texts"),
        ({"purpose": "query"}, "purpose"),
        ({"resume": "everything"}, "same texts"),
    ],
)
def test_vectors_of_other_texts_are_not_gone_on_with(changed: dict[str, Any], words: str) -> None:
    """They would stand beside texts that they are not of."""
    script = Script(answers=["a", errors.BadRequestError("no", status=400)])
    with client_of(script) as client:
        with pytest.raises(errors.BadRequestError) as caught:
            client.embed(TEXTS, model="vectors")
        arguments = {"texts": TEXTS, "resume": caught.value.partial, **changed}
        with pytest.raises(errors.UnsupportedInputError, match=words):
            client.embed(arguments.pop("texts"), model="vectors", **arguments)


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ("", r"inputs\[0\] is empty"),
        (["a", " \n"], r"inputs\[1\] has nothing but space"),
        ([], "empty list"),
        (["a", 3], r"inputs\[1\] is int"),
        (b"bytes", "not bytes"),
        ({"a": 1}, "not dict"),
        (None, "not NoneType"),
        (["a", "\ud800"], r"inputs\[1\]"),
        (["a", "word " * 5000], r"inputs\[1\] is too long: it has [\d,]+ tokens or more \(25,000 characters\).*100"),
    ],
)
def test_bad_input_is_refused_before_anything_is_sent(texts: Any, words: str) -> None:
    """And which of the texts it is."""
    script = Script()
    with client_of(script) as client, pytest.raises(errors.UnsupportedInputError, match=words):
        client.embed(texts, model="vectors")
    assert script.requests == []


def test_a_text_that_may_fit_is_sent() -> None:
    """A long run of one character has few tokens: only the provider knows how many."""
    script = Script()
    with client_of(script) as client:
        client.embed("-" * 1000 + " " * 1000 + "x", model="vectors")
    assert len(script.requests) == 1


@pytest.mark.parametrize("policy", ["error", "drop", None])
def test_dimensions_that_the_model_lacks_are_refused_whatever_the_deck_drops(policy: Any) -> None:
    """Vectors of another length would be of no use."""
    script = Script()
    with client_of(script, on_unsupported_setting=policy) as client:
        with pytest.raises(errors.UnsupportedInputError, match="4 or 8 dimensions, not 16"):
            client.embed("a", model="vectors", dimensions=16)
    assert script.requests == []


@pytest.mark.parametrize(
    ("fields", "wanted", "sent"),
    [
        ({"dimensions": 8, "dimensions_allowed": ()}, 8, None),
        ({"dimensions": 8, "dimensions_allowed": (), "min_dimensions": 2, "max_dimensions": 9}, 9, 9),
        ({"dimensions": None, "dimensions_allowed": ()}, 5, 5),
    ],
)
def test_a_model_with_one_length_is_not_asked_for_it(fields: dict[str, Any], wanted: int, sent: int | None) -> None:
    """It may not know the parameter; in a range any number is asked for, and where nothing is known."""
    script = Script()
    with client_of(script, evolve(VECTORS, **fields)) as client:
        client.embed("a", model="vectors", dimensions=wanted)
    assert script.requests[0].dimensions == sent


def pinned(*names: str) -> Any:
    """A deck whose chain `both` has models at two backends."""
    first = VECTORS
    second = evolve(VECTORS, name=names[1], backend="second", sdk="second")
    deck = deck_of(first, second, aliases={"both": (first.name, "other")})
    entries = {
        name: ModelEntry(
            name=name, spec=each, available=True, reason=None, route=RouteMatch(rule="pinned", backend=each.backend)
        )
        for name, each in (("vectors", first), ("other", second))
    }
    return evolve(deck, models=entries)


def test_one_model_at_two_backends_is_a_chain() -> None:
    """The second backend makes what the first one fails to, and nothing that is there already."""
    first, second = Script(answers=["a", GONE]), Script()
    client = Client(pinned("vectors", "vectors"), plugins_for({"scripted": first, "second": second}))
    with client:
        result: EmbeddingResult = client.embed(TEXTS, model="both", retries=0)
    assert result.vectors == expected(*TEXTS)
    assert {attempt.backend for attempt in result.attempts if attempt.outcome == "ok"} == {"scripted", "second"}
    paid = [request.texts for request in (*first.requests, *second.requests)]
    assert len(second.requests) == 3
    assert len({*paid}) == 4


def test_two_models_in_a_chain_are_refused() -> None:
    """Where the chain is made in the call, nothing is sent."""
    script = Script()
    client = Client(pinned("vectors", "others"), plugins_for({"scripted": script, "second": script}))
    with client, pytest.raises(errors.UnsupportedInputError, match=r"different models.*others, vectors"):
        client.embed("a", model={"model": ["vectors", "other"]})
    assert script.requests == []


def test_two_models_in_a_chain_of_the_deck_are_a_fault_at_load(tmp_path: Path) -> None:
    """With its place; one model at several backends is none."""
    project = Project(tmp_path)
    kinds = '\n[v-one]\nmodel_type = "embedding"\n\n[v-two]\nmodel_type = "embedding"\n'
    for backend in ("acme", "beta"):
        file = project.folder / "backends" / f"{backend}.toml"
        file.write_text(file.read_text() + kinds)
    more = project.folder / "deck" / "more.toml"
    more.write_text('[aliases]\nvectors = ["v-one@acme", "v-one@beta"]\n')
    load(tmp_path, environ=project.environ, plugins=project.plugins)
    more.write_text('[aliases]\ninner = "v-two"\nvectors = ["v-one", "inner"]\n')
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, environ=project.environ, plugins=project.plugins)
    (problem,) = caught.value.problems
    assert (problem.code, problem.key, problem.line) == ("mixed-models", "aliases.vectors", 3)
    assert "v-one, v-two" in problem.message


def test_a_preset_and_the_default_have_settings() -> None:
    """As any other capability's."""
    script = Script()
    preset = Preset(name="search", capability="embed", model="vectors", settings={"purpose": "query", "dimensions": 4})
    with client_of(script, presets=(preset,), choices={"embed": "search"}) as client:
        assert client.embed("a").dimensions == 4
        assert client.call("embed", ["a", "b"], purpose="document").purpose == "document"
    assert script.requests[0].purpose == "query"


def test_an_answer_that_lacks_a_vector_is_an_error() -> None:
    """Whichever plugin gave it; a vector would belong to another text."""
    short = EmbeddingAnswer(vectors=Vectors.of([[1.0, 0.0]]), usage=Usage(input_tokens=1, output_tokens=0))
    with client_of(Script(answers=[short])) as client:
        with pytest.raises(errors.InvalidAnswerError, match="2 texts were sent, and 1 vectors came"):
            client.embed(["a", "b"], model="vectors")


def test_answers_of_different_lengths_are_an_error() -> None:
    """As a server that was changed while it ran may give."""
    usage = Usage(input_tokens=1, output_tokens=0)
    answers = [EmbeddingAnswer(vectors=Vectors.of([[1.0] * size] * 3), usage=usage) for size in (2, 3)]
    with client_of(Script(answers=answers)) as client:
        with pytest.raises(errors.InvalidAnswerError, match="dimensions"):
            client.embed(TEXTS[:6], model="vectors")


def test_a_budget_holds_over_all_requests() -> None:
    """What does not fit any more is not sent; what was paid before is kept."""
    script = Script()
    model = evolve(VECTORS, max_inputs=1)
    with client_of(script, model) as client, client.budget(usd="0.00003") as budget:
        with pytest.raises(errors.BudgetExceededError) as caught:
            client.embed([f"text {at}" for at in range(50)], model="vectors")
    assert 0 < budget.spent <= budget.limit
    assert caught.value.partial is not None
    assert len(script.requests) < 50


def test_the_deadline_is_that_of_the_whole_call() -> None:
    """What is there when it is over is kept."""
    script = Script(answers=["a", 30.0, "b"])
    with client_of(script, evolve(VECTORS, max_inputs=5)) as client:
        with pytest.raises(errors.DeadlineExceededError) as caught:
            client.embed(TEXTS, model="vectors", deadline=0.5)
    assert len(caught.value.partial.vectors) == 5
    assert {attempt.outcome for attempt in caught.value.attempts} == {"ok", "error"}


def test_a_caller_who_gives_up_ends_every_request() -> None:
    """All of them are in the ledger as cancelled."""
    heard: list[Any] = []
    script = Script(answers=[30.0, "a"])

    async def main() -> None:
        plugins = plugins_for({"scripted": script}, pipelex_call_finished=lambda call: heard.append(call))
        async with AsyncClient(deck_of(evolve(VECTORS, max_inputs=5)), plugins) as client:
            task = asyncio.create_task(client.embed(TEXTS, model="vectors"))
            await asyncio.sleep(0.2)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())
    (call,) = heard
    assert (call.operation, call.capability, call.result, call.error) == ("embed", "embed", None, None)
    assert "cancelled" in {attempt.outcome for attempt in call.attempts}


def test_an_estimate_counts_the_tokens_of_all_texts() -> None:
    """Nothing is written, so that input alone is paid."""
    with client_of(Script()) as client:
        estimate = client.estimate(["a river", "the sea"], model="vectors", capability="embed")
    (member,) = estimate.members
    assert member.input_tokens is not None
    assert (member.output_tokens, member.input_tokens.low > 0) == ((0, 0, 0), True)
    assert member.cost_low is not None
    assert member.cost_high is not None
    assert 0 < member.cost_low < member.cost_high


def test_a_bad_request_of_many_texts_is_not_taken_for_one_that_is_too_long() -> None:
    """The window of an embedding model is that of one text, and the request has many."""
    script = Script(answers=[errors.BadRequestError("bad", status=400)])
    texts = ["some words of a text " * 10] * 3
    with client_of(script) as client, pytest.raises(errors.BadRequestError) as caught:
        client.embed(texts, model="vectors")
    assert type(caught.value) is errors.BadRequestError


def test_reading_many_texts_takes_any_iterable() -> None:
    """A generator, a tuple, a set of keys."""
    assert read_texts(text for text in "abc").texts == ("a", "b", "c")
    assert read_texts({"a": 1}.keys()).texts == ("a",)


def test_models_of_two_names_at_one_backend_are_two_models() -> None:
    """Whatever they are called there."""
    other = spec("other", model_type="embedding")
    script = Script()
    with client_of(script, VECTORS, other, aliases={"mixed": ("vectors", "other")}) as client:
        with pytest.raises(errors.UnsupportedInputError, match="different models"):
            client.embed("a", model="mixed")
