"""What a request will use, guessed before it is sent."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelex_core.capabilities import BUILT_IN
from pipelex_core.costs import cost_of
from pipelex_core.documents import count_pages
from pipelex_core.estimates import Expectation, Guess, tokens_of
from pipelex_core.parts import DocumentPart, ImagePart, Media, Message, TextPart, Tool
from pipelex_core.requests import ExtractRequest, ImageRequest, ObjectRequest, TextRequest
from pipelex_core.results import Usage
from pipelex_core.specs import Costs
from pipelex_limits.bounds import least_cost, most_cost
from tests.support.properties import PROPERTY
from tests.support.scripted import OCR, PAINTER, PNG, spec

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelex_core.parts import Part

ENGLISH = "The quick brown fox jumps over the lazy dog, and nobody minds. " * 20


@pytest.mark.parametrize(
    ("text", "tokens"),
    [  # the least and the most of o200k_base, cl100k_base, and Anthropic's and DeepSeek's published tokenizers
        ("The quick brown fox jumps over the lazy dog, and nobody minds. " * 20, (281, 281)),
        ("Alle Menschen sind frei und gleich an Würde und Rechten geboren. " * 5, (71, 96)),
        ("Мама мыла раму, а папа читал газету в кресле. " * 10, (181, 271)),
        ("Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια " * 5, (121, 336)),
        ("快速的棕色狐狸跳过懒狗。今天天气很好，我们去公园散步。" * 5, (75, 205)),
        ("吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。" * 5, (135, 195)),
        ("모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다. " * 5, (117, 217)),
        ("सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।" * 5, (125, 465)),
        ("def f(x: int) -> list[int]:\n    return [x ** 2 for _ in range(10)]\n" * 10, (240, 260)),
        ('{"name": "Jane", "age": 31, "tags": ["a", "b"], "nested": {"x": 1.5}}' * 10, (300, 330)),
        ("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" * 4, (169, 173)),
        ("🙂" * 20, (20, 60)),
    ],
)
def test_text_of_many_scripts(text: str, tokens: tuple[int, int]) -> None:
    """Real counts lie between low and high."""
    guess = tokens_of(text)
    assert guess.high is not None
    assert guess.low <= tokens[0]
    assert tokens[1] <= guess.high
    assert guess.low < guess.likely < guess.high


@PROPERTY
@given(st.text(st.characters(codec=None)))
def test_every_character_is_of_one_kind(text: str) -> None:
    """The kinds are counted with three encodings, and agree with looking at each character."""
    guess, ordinals = tokens_of(text), [ord(character) for character in text]
    likely = sum(0.25 if o < 0x80 else 0.5 if o < 0x800 else 1 if o < 0x10000 else 2 for o in ordinals)
    assert abs(guess.likely - likely) < 1
    assert guess.high is not None
    assert guess.low <= guess.likely <= guess.high


def request(*parts: Part, max_tokens: int | None = None, most: int | None = None, **given: Any) -> TextRequest:
    message = Message(role="user", parts=parts or (TextPart("hello"),))
    return TextRequest(spec=spec("m", max_tokens=most, **given), messages=(message,), max_tokens=max_tokens)


@pytest.mark.parametrize(
    ("requested", "expected"),
    [
        (request(max_tokens=50, most=4000), Guess(1, 50, 50)),
        (request(most=4000), Guess(1, 1000, 4000)),
        (request(most=300), Guess(1, 300, 300)),
        (request(), Guess(1, 1000, None)),
        (request(context_window=8000), Guess(1, 1000, 8000)),
    ],
)
def test_the_answer_is_bounded_by_max_tokens(requested: TextRequest, expected: Guess) -> None:
    """The call's, else the model's, else its context; else nothing bounds it."""
    assert BUILT_IN["llm"].expect(requested).output_tokens == expected


def test_everything_that_is_sent_counts() -> None:
    """System prompt, tools, schema, images and documents."""
    plain = BUILT_IN["llm"].expect(request()).input_tokens
    assert plain is not None

    def more(requested: TextRequest) -> bool:
        found = BUILT_IN["llm"].expect(requested).input_tokens
        return found is not None and found.low > plain.low and found.likely > plain.likely

    image = ImagePart(Media(data=PNG, media_type="image/png"))
    page = DocumentPart(Media(data=b"%PDF /Type /Page ", media_type="application/pdf"))
    base = request()
    assert more(request(TextPart("hello"), image))
    assert more(request(TextPart("hello"), page))
    assert more(TextRequest(spec=base.spec, messages=base.messages, system=ENGLISH))
    assert more(TextRequest(spec=base.spec, messages=base.messages, tools=(Tool(name="look", description=ENGLISH),)))
    assert more(ObjectRequest(spec=base.spec, messages=base.messages, schema={"title": ENGLISH}))


def test_a_document_at_an_address_has_no_bound() -> None:
    """Nobody knows how long it is before it is fetched."""
    requested = request(DocumentPart(Media(url="https://example.org/a.pdf", media_type="application/pdf")))
    reported = BUILT_IN["llm"].expect(requested).input_tokens
    assert reported is not None
    assert reported.high is None


def test_a_document_of_text_is_as_long_as_its_text() -> None:
    """Of any other that is not a PDF, no more is known than that it is there."""
    bare, reported, prompt = (
        BUILT_IN["llm"].expect(request(*parts)).input_tokens
        for parts in ((), (DocumentPart(Media(data=ENGLISH.encode(), media_type="text/plain")),), (TextPart(ENGLISH),))
    )
    assert bare is not None
    assert reported == prompt != bare
    sheet = (
        BUILT_IN["llm"]
        .expect(request(DocumentPart(Media(data=b"PK", media_type="application/vnd.ms-excel"))))
        .input_tokens
    )
    assert sheet is not None
    assert sheet.high is None


def test_images_and_pages() -> None:
    """Images are as many as were asked for; pages are counted, or one at least."""
    assert BUILT_IN["img_gen"].expect(ImageRequest(spec=PAINTER, prompt="?", number=3)).images == 3
    picture = Media(data=PNG, media_type="image/png")
    assert BUILT_IN["extract"].expect(ExtractRequest(spec=OCR, document=picture)).pages == Guess(1, 1, 1)
    strange = Media(data=b"%PDF encrypted", media_type="application/pdf")
    assert BUILT_IN["extract"].expect(ExtractRequest(spec=OCR, document=strange)).pages == Guess(1, 10, None)


def _reportlab(pages: int) -> bytes:
    from reportlab.pdfgen.canvas import Canvas

    file = io.BytesIO()
    canvas = Canvas(file)
    for _ in range(pages):
        canvas.drawString(72, 72, "page")
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def _packed(pages: int) -> bytes:
    """The same pages in an object stream, as PDF 1.5 has them."""
    import zlib

    texts = b" ".join(b"<</Type/Page/Parent 1 0 R>>" for _ in range(pages))
    return b"%PDF-1.5\n1 0 obj\n<</Type /ObjStm /N 3 /First 5 /Filter /FlateDecode>>\nstream\n" + zlib.compress(texts)


@pytest.mark.parametrize("make", [_reportlab, _packed])
@pytest.mark.parametrize("pages", [1, 7])
def test_pages_are_counted(make: Callable[[int], bytes], pages: int) -> None:
    """Plain or packed."""
    assert count_pages(make(pages)) == pages


def test_no_pages_are_found() -> None:
    """None, where there are none to be seen; a stream that is packed in another way is not an error."""
    assert count_pages(b"%PDF-1.4 nothing") is None
    assert count_pages(b"%PDF <</Type /ObjStm /Filter /LZWDecode>>\nstream\nxxxx") is None


prices = st.one_of(st.none(), st.decimals(0, 100, places=2))
costs = st.builds(
    Costs,
    input=prices,
    input_cached=prices,
    input_cache_write=prices,
    input_non_cached=prices,
    input_joined=prices,
    output=prices,
    output_reasoning=prices,
)
shares = st.floats(0, 1)


@PROPERTY
@given(costs=costs, reported=st.integers(0, 1000), stated=st.integers(0, 1000), written=shares, reasoning=shares)
def test_no_usage_within_the_bounds_costs_more(
    costs: Costs, reported: int, stated: int, written: float, reasoning: float
) -> None:
    """Whatever part is written to a cache, and whatever part is reasoning."""
    expected = Expectation(input_tokens=Guess(0, reported, reported), output_tokens=Guess(1, stated, stated))
    most = most_cost(costs, expected)
    usage = Usage(
        input_tokens=reported,
        output_tokens=stated,
        cache_write_tokens=int(reported * written) if costs.input_cache_write is not None else 0,
        reasoning_tokens=int(stated * reasoning),
    )
    cost = cost_of(costs, usage)
    if most is not None and cost is not None:
        assert cost.amount <= most


def test_bounds_of_other_units() -> None:
    """Images and pages are known exactly, or not at all."""
    images, pages = Expectation(images=2), Expectation(pages=Guess(1, 10, None))
    assert least_cost(PAINTER.costs, images) == most_cost(PAINTER.costs, images) == Decimal("0.08")
    assert least_cost(OCR.costs, pages) == Decimal("0.001")
    assert most_cost(OCR.costs, pages) is None
    assert least_cost(None, images) is None
    assert most_cost(None, images) is None
