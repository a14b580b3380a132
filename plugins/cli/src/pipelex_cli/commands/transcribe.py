"""`pipelex transcribe`."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from pipelex_cli.output import print_json, result_as_json, write
from pipelex_core.command_line import Context


def transcribe(
    file: str,
    *,
    model: Annotated[str | None, Parameter(name=["--model", "-m"])] = None,
    language: str | None = None,
    timestamps: Literal["segment", "word"] | None = None,
    speakers: bool = False,
    prompt: str | None = None,
    deadline: float | None = None,
    json: bool = False,
    context: Annotated[Context, Parameter(parse=False)],
) -> int:
    """Transcribe a recording; a file is sent as it is read.

    Args:
        file: Path or URL.
        model: A preset, alias or model; the deck's default where it is left out.
        language: The language that is spoken, as its code: en, de.
        timestamps: Print the time of each segment, or of each word.
        speakers: Tell speakers apart.
        prompt: Words that may come up, and how they are written.
        deadline: Seconds the call may take, the upload included.
        json: Print one JSON document.
    """
    with context.client() as client:
        result = client.transcribe(
            file,
            model=model,
            language=language,
            timestamps=timestamps,
            speakers=speakers or None,
            prompt=prompt,
            deadline=deadline,
        )
    if json:
        own = {name: result[name] for name in ("text", "segments", "duration_s", "language")}
        print_json({**own, **result_as_json(result)})
    elif result.segments:
        for segment in result.segments:
            speaker = f"{segment.speaker}: " if segment.speaker is not None else ""
            write(f"{_clock(segment.start)} {speaker}{segment.text}\n")
    else:
        write(result.text.rstrip("\n") + "\n")
    return 0


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes // 60):02}:{int(minutes % 60):02}:{rest:06.3f}"
