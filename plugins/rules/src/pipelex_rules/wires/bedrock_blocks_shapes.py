"""What the messages and blocks of Converse look like: shapes of AWS's service model."""

from __future__ import annotations

from pipelex_rules.shapes import ANY, BOOLEAN, TEXT, choice, data, integer, listing, obj, text, union

TOOL_ID = text(1, 64, pattern=r"[a-zA-Z0-9_.:-]+")
TOOL_NAME = text(1, 64, pattern=r"[a-zA-Z0-9_-]+")
CACHE_POINT = obj("type", type=choice("default"), ttl=choice("5m 1h"), closed=True)
_S3 = obj(
    "uri",
    uri=text(1, 1_024, pattern=r"s3://[a-z0-9][\.\-a-z0-9]{1,61}[a-z0-9](/.*)?"),
    bucketOwner=text(pattern="[0-9]{12}"),
    closed=True,
)
_BYTES = data(1)
_IMAGE = obj(
    "format source",
    format=choice("png jpeg gif webp"),
    source=union(bytes=_BYTES, s3Location=_S3),
    error=obj(message=TEXT, closed=True),
    closed=True,
)
_CITATIONS = obj("enabled", enabled=BOOLEAN, closed=True)
_DOCUMENT = obj(
    "name source",
    format=choice("pdf csv doc docx xls xlsx html txt md"),
    name=text(1, 200),
    source=union(bytes=_BYTES, s3Location=_S3, text=TEXT, content=listing(union(text=TEXT))),
    context=TEXT,
    citations=_CITATIONS,
    closed=True,
)
_VIDEO = obj(
    "format source",
    format=choice("mkv mov mp4 webm flv mpeg mpg wmv three_gp"),
    source=union(bytes=_BYTES, s3Location=_S3),
    closed=True,
)
_AUDIO = obj(
    "format source",
    format=choice("mp3 opus wav aac flac mp4 ogg mkv mka x-aac m4a mpeg mpga pcm webm"),
    source=union(bytes=_BYTES, s3Location=_S3),
    error=obj(message=TEXT, closed=True),
    closed=True,
)
_SEARCH = obj(
    "source title content",
    source=TEXT,
    title=TEXT,
    content=listing(obj("text", text=TEXT, closed=True)),
    citations=_CITATIONS,
    closed=True,
)
_INDEX = integer(0)
_SPAN = obj(documentIndex=_INDEX, start=_INDEX, end=_INDEX, closed=True)
_CITED = union(
    web=obj(url=TEXT, domain=TEXT, closed=True),
    documentChar=_SPAN,
    documentPage=_SPAN,
    documentChunk=_SPAN,
    searchResultLocation=obj(searchResultIndex=_INDEX, start=_INDEX, end=_INDEX, closed=True),
)
_CITATION = obj(title=TEXT, source=TEXT, sourceContent=listing(union(text=TEXT)), location=_CITED, closed=True)
_CITED_CONTENT = obj(content=listing(union(text=TEXT)), citations=listing(_CITATION), closed=True)
_TOOL_CHANGE = obj(
    "tool", tool=obj(type=text(1, 64), name=text(1, 128), serverName=text(1, 128), closed=True), closed=True
)
GUARD = union(
    text=obj("text", text=TEXT, qualifiers=listing(choice("grounding_source query guard_content")), closed=True),
    image=obj("format source", format=choice("png jpeg"), source=union(bytes=_BYTES), closed=True),
)
_USE = obj(
    "toolUseId name input", toolUseId=TOOL_ID, name=TOOL_NAME, input=ANY, type=choice("server_tool_use"), closed=True
)
_RESULT_CONTENT = union(json=ANY, text=TEXT, image=_IMAGE, document=_DOCUMENT, video=_VIDEO, searchResult=_SEARCH)
_RESULT = obj(
    "toolUseId content",
    toolUseId=TOOL_ID,
    content=listing(_RESULT_CONTENT),
    status=choice("success error"),
    type=TEXT,
    closed=True,
)
_REASONING = union(reasoningText=obj("text", text=TEXT, signature=TEXT, closed=True), redactedContent=data())
BLOCK = union(
    text=TEXT,
    image=_IMAGE,
    document=_DOCUMENT,
    video=_VIDEO,
    audio=_AUDIO,
    toolUse=_USE,
    toolResult=_RESULT,
    guardContent=GUARD,
    cachePoint=CACHE_POINT,
    reasoningContent=_REASONING,
    citationsContent=_CITED_CONTENT,
    searchResult=_SEARCH,
    toolAddition=_TOOL_CHANGE,
    toolRemoval=_TOOL_CHANGE,
)
MESSAGE = obj("role content", role=choice("user assistant system"), content=listing(BLOCK), closed=True)
