"""Google's ranking API, `rankingConfigs/…:rank` of Vertex AI Search, the tokens that Gemini counts, and its files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_rules import forms
from pipelex_rules.rule import rule
from pipelex_rules.shapes import BOOLEAN, INTEGER, NUMBER, TEXT, data, either, listing, mapping, obj, text
from pipelex_rules.sources import Source
from pipelex_rules.values import amount, record, records, size_of
from pipelex_rules.wire import Wire
from pipelex_rules.wires.gemini import GENERATE
from pipelex_rules.wires.gemini_hosted_shapes import FILE, FILE_NAME
from pipelex_rules.wires.gemini_hosted_shapes import SDK as FILE_SOURCE

if TYPE_CHECKING:
    from pipelex_rules.rule import Findings, Request

REFERENCE = Source(
    "https://cloud.google.com/generative-ai-app-builder/docs/reference/rest/v1/projects.locations.rankingConfigs/rank",
    "2026-11",
)
RECORD = Source(
    "https://docs.cloud.google.com/dotnet/docs/reference/Google.Cloud.DiscoveryEngine.V1 RankingRecord", "2026-11"
)
TOKENS = Source("https://ai.google.dev/api/tokens", "2026-11")
_LABELS = mapping(text(0, 63, pattern=r"[\w-]*"), at_most=64, keys=r"[^\W\d_][\w-]{0,62}")


@rule(RECORD)
def records_have_words(request: Request) -> Findings:
    """A record has a title or a content."""
    for index, item in records(request.get("records")):
        if not item.get("title") and not item.get("content"):
            yield f"records[{index}]", "at least one of title or content should be set"


@rule(RECORD)
def ids_of_records(request: Request) -> Findings:
    """The id of a record is unique."""
    seen: set[str] = set()
    for index, item in records(request.get("records")):
        name = item.get("id")
        if isinstance(name, str) and name:
            if name in seen:
                yield f"records[{index}].id", f"the id '{name[:60]}' is not unique"
            seen.add(name)


RANK = Wire(
    provider="google",
    api="rank",
    shape=obj(
        "records",
        closed=True,
        model=TEXT,
        topN=INTEGER,
        query=TEXT,
        records=listing(obj(closed=True, id=TEXT, title=TEXT, content=TEXT, score=NUMBER), at_least=1, at_most=200),
        ignoreRecordDetailsInResponse=BOOLEAN,
        userLabels=_LABELS,
    ),
    rules=(records_have_words, ids_of_records),
    form=forms.google,
    source=REFERENCE,
)


def _counted(body: Any) -> Any:
    """Read the request that is counted: AI Studio wraps it, Vertex AI does not."""
    inner = record(body).get("generateContentRequest")
    if isinstance(inner, dict):
        body = {name: value for name, value in inner.items() if name != "model"}
    return GENERATE.normalise(body)


COUNT = Wire(
    provider="google",
    api="countTokens",
    shape=GENERATE.shape,
    rules=GENERATE.rules,
    form=forms.google,
    source=TOKENS,
    normalise=_counted,
)
FILE_BYTES = 2 * 1024 * 1024 * 1024


@rule(Source("https://ai.google.dev/gemini-api/docs/files", "2026-11"))
def file_bytes(request: Request) -> Findings:
    """A file of the Files API has at most 2 GB."""
    file = request.get("file")
    if size_of(file) > FILE_BYTES or (amount(record(file).get("sizeBytes")) or 0) > FILE_BYTES:
        yield "file", "the file is larger than 2 GB"


FILES = Wire(
    provider="google",
    api="files",
    shape=obj(
        file=either(FILE, data(1)), name=FILE_NAME, displayName=FILE.fields["displayName"], mimeType=TEXT, uri=TEXT
    ),
    rules=(file_bytes,),
    form=forms.google,
    source=FILE_SOURCE,
    normalise=GENERATE.normalise,
)
