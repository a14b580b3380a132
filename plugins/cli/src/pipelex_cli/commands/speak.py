"""`pipelex speak`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from pipelex_cli.files import check_place, write_paid
from pipelex_cli.output import print_json, result_as_json, write
from pipelex_cli.text_input import prompt_text
from pipelex_core.command_line import Context


def speak(
    text: Annotated[str, Parameter(allow_leading_hyphen=True)],
    *,
    model: Annotated[str | None, Parameter(name=["--model", "-m"])] = None,
    output: Annotated[Path, Parameter(name=["--output", "-o"])] = Path("speech"),
    voice: str | None = None,
    format: Literal["mp3", "opus", "aac", "flac", "wav", "pcm"] | None = None,
    speed: float | None = None,
    instructions: str | None = None,
    deadline: float | None = None,
    json: bool = False,
    context: Annotated[Context, Parameter(parse=False)],
) -> int:
    """Read a text aloud, into a file.

    Args:
        text: What to say; `-` reads it from stdin.
        model: A preset, alias or model; the deck's default where it is left out.
        output: The file; a missing suffix is that of the sound's type.
        voice: Who speaks, in the provider's words.
        format: The encoding; the file's suffix where it is left out, else the preset's.
        speed: 1 is the voice's own.
        instructions: How to say it.
        deadline: Seconds the call may take.
        json: Print one JSON document.
    """
    words = prompt_text(text)
    check_place(output)
    encoding = format or _FORMATS.get(output.suffix.lower())
    with context.client() as client:
        result = client.speak(
            words,
            model=model,
            voice=voice,
            format=encoding,
            speed=speed,
            instructions=instructions,
            deadline=deadline,
        )
    audio = result.audio
    target = output if output.suffix else output.with_name(output.name + _SUFFIXES.get(audio.content_type, ""))
    target, is_in_place = write_paid(target, audio.data)
    if json:
        own = {"path": str(target), "content_type": audio.content_type, "sample_rate": audio.sample_rate}
        print_json({**own, "bytes": len(audio.data), **result_as_json(result)})
    else:
        write(f"{target}\n")
    return 0 if is_in_place else 1


_FORMATS: dict[str, Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]] = {
    ".mp3": "mp3",
    ".ogg": "opus",
    ".opus": "opus",
    ".aac": "aac",
    ".flac": "flac",
    ".wav": "wav",
    ".pcm": "pcm",
}
_SUFFIXES = {
    "audio/mpeg": ".mp3",
    "audio/ogg": ".ogg",
    "audio/aac": ".aac",
    "audio/flac": ".flac",
    "audio/wav": ".wav",
    "audio/pcm": ".pcm",
}
