"""Values that were never filled in: `your-key-here`, `sk-...`, `<key>`, `changeme`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pipelex_core.specs import Secret, Source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipelex_core.config import ReadConfig
    from pipelex_core.specs import BackendConfig

_PLACEHOLDER = re.compile(
    r"""
    <.*> | \{\{?.*\}\}? | \[.*\]            # <your key>, {key}, [key]
    | .*(\.\.\.|…).*                        # sk-...
    | ([\w-]{0,8}-)?[x*]{3,}(-[x*]+)*       # xxxx, sk-xxxx, ****
    | (.*[-_/.@])?your[-_ ].*               # your-key-here, sk-your-key, https://your-resource.…
    | .*[-_ ](key|token|secret|value)?[-_ ]?here
    | change[-_ ]?(me|this|it) | (to[-_ ]?be[-_ ]?)?replaced? | replace[-_ ]?(me|this).* | fill[-_ ]?me.*
    | (insert|enter|paste|add)[-_ ].*(key|token|secret).* | (my|the|api|some|a)[-_ ]?(api[-_ ]?)?(key|token|secret)
    | placeholder.* | to-?do | tbd | fixme | none | null | undefined
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_LOCAL = {"localhost", "127.0.0.1", "::1", "0.0.0.0", "host.docker.internal"}  # noqa: S104 -- names, nothing is bound
_LONGEST = 300


def is_placeholder(value: str) -> bool:
    """Whether a value is a placeholder for a real one."""
    return len(value) <= _LONGEST and _PLACEHOLDER.fullmatch(value.strip()) is not None


def check_credentials(read: ReadConfig) -> None:
    """Warn of every placeholder in what an enabled backend is given: once a variable, where it has its value."""
    reported: set[str] = set()
    for config in read.loaded.deck.backends.values():
        for key, value in _values(config):
            if is_placeholder(value):
                _report(read, config, key, reported)


def _values(config: BackendConfig) -> Iterator[tuple[str, str]]:
    """What may be a placeholder; a server of one's own takes any key."""
    if config.endpoint is not None:
        yield "endpoint", config.endpoint
    if config.api_key is not None and not _is_local(config.endpoint):
        yield "api_key", config.api_key.reveal()
    for key, value in config.options.items():
        if isinstance(value, Secret):
            yield key, value.reveal()
        elif isinstance(value, str):
            yield key, value


def _is_local(endpoint: str | None) -> bool:
    try:
        return endpoint is not None and urlsplit(endpoint).hostname in _LOCAL
    except ValueError:
        return False


def _report(read: ReadConfig, config: BackendConfig, key: str, reported: set[str]) -> None:
    from pipelex_cli.written import WrittenValues
    from pipelex_core.config.environment import expand

    written = WrittenValues(read.loaded.folder, read.context.plugins).backend(config.name).get(key)
    environment = read.context.environment
    used = expand(written.value, environment).used if written is not None else []
    source = written.source if written is not None else config.source
    names = [
        name for name in used if not name.startswith("secret:") and is_placeholder(environment.variable(name) or "")
    ]
    if not names:
        if f"{config.name}.{key}" not in reported:
            message = f"the {key} of backend '{config.name}' is a placeholder"
            read.faults.warning("placeholder-value", message, source, suggestion=f"write the real {key}")
        reported.add(f"{config.name}.{key}")
        return
    for name in names:
        if name in reported:
            continue
        reported.add(name)
        file = environment.file_of(name)
        where = f"in {file}" if file else "in the environment"
        message = f"{name} has a placeholder for a value {where}, and backend '{config.name}' needs it for its {key}"
        mend = f"write the real value of {name}, or set enabled = false for '{config.name}'"
        line = _line_of(name, file) if file else None
        at = Source(file=str(file), key=(name,)) if file else source
        read.faults.warning("placeholder-value", message, at, line=line, column=1 if line else None, suggestion=mend)


def _line_of(name: str, file: Path) -> int | None:
    """The last line of a `.env` file that sets a variable: the one that counts."""
    from io import StringIO

    from dotenv.parser import parse_stream

    from pipelex_core.config.environment import leading_lines

    lines = [
        binding.original.line + leading_lines(binding.original.string)
        for binding in parse_stream(StringIO(file.read_text(encoding="utf-8-sig")))
        if binding.key == name
    ]
    return lines[-1] if lines else None
