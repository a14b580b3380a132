"""Variables: the process environment over `.env`, secrets from the keyring, and `${…}` in the values of a file.

Nothing here changes `os.environ`. A value that is empty counts as missing.
"""

from __future__ import annotations

import re
from collections import ChainMap
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from pipelex_core.config.secrets import SecretFault, Secrets
from pipelex_core.errors import ConfigError
from pipelex_core.near import did_you_mean
from pipelex_core.specs import Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from pipelex_core.config.problems import Faults

LONGEST_VALUE = 1_000_000
"""Characters of a value of `.env` once its variables are filled in."""

_MOST_PLACEHOLDERS = 1000
_PLACEHOLDER = re.compile(r"\$\$\{|\$\{([^}]*)(\}?)")
_ENDPOINT = "https://replayed.invalid"
_KEY = "replayed-without-a-key"
"""The placeholder for a missing variable while answers are replayed."""
_ADDRESSES = ("_URL", "_ENDPOINT", "_BASE")
_NAME = re.compile(r"[^\s|:${}]+")


@frozen(eq=False, repr=False)
class Environment:
    """What `${…}` can be filled with.

    Attributes:
        variables: The process environment.
        dotenv: The variables of the `.env` file, which count where the environment has none.
        file: That file, for messages; None where there is none.
        absent: The file that was looked for, where there is none.
        secrets: What `${scheme:NAME}` is read from; by default the keyring alone.
    """

    _variables: Mapping[str, str]
    _dotenv: Mapping[str, str] = field(factory=dict)
    file: Path | None = None
    _absent: Path | None = field(default=None, kw_only=True)
    secrets: Secrets = field(factory=Secrets, kw_only=True)

    @property
    def looked_in(self) -> str:
        """Where variables were looked for, for messages."""
        if self.file is not None:
            return f"the environment and {self.file}"
        return f"the environment; there is no {self._absent}" if self._absent else "the environment"

    def variable(self, name: str) -> str | None:
        """A variable's value, or None where it is missing or empty."""
        return self._variables.get(name) or self._dotenv.get(name) or None

    @property
    def replays(self) -> bool:
        """Whether answers are replayed: nobody is asked then, and a variable that is missing is not missed."""
        return bool(self._variables.get("PIPELEX_REPLAY"))

    def file_of(self, name: str) -> Path | None:
        """The `.env` file, where a variable has its value from there."""
        return self.file if self._dotenv.get(name) and not self._variables.get(name) else None


@define(eq=False, repr=False)
class Expansion:
    """What came of filling in one value.

    Attributes:
        value: The value, every `${…}` in it replaced by its value.
        used: The variables that gave a value, as they were written: `OPENAI_API_KEY`, `secret:openai`.
        values: What each of them gave.
        secrets: What the readers of secrets gave.
        missing: The variables that have none; alternatives joined by ` or `.
        faults: What is wrong with a `${…}` itself.
    """

    value: Any
    used: list[str] = field(factory=list)
    values: list[str] = field(factory=list)
    secrets: list[str] = field(factory=list)
    missing: list[str] = field(factory=list)
    faults: list[str] = field(factory=list)

    @property
    def hidden(self) -> list[str]:
        """What may be secret: secrets, what variables gave to a table, and to an address's user or query.

        Another string is what its key says: a region, a version, a project; what is secret among these the plugin declares.
        """
        if not isinstance(self.value, str):
            return self.secrets + self.values
        if "://" not in self.value:
            return self.secrets
        before, _, query = self.value.partition("?")
        user, _, _ = before.partition("://")[2].rpartition("@")
        password = user.partition(":")[2]
        named = [value for value in self.values if value in query or value in user]
        return self.secrets + named + ([password] if password else [])


def has_variables(value: Any) -> bool:
    """Whether there is a `${` anywhere inside a value."""
    if isinstance(value, str):
        return "${" in value
    if isinstance(value, dict):
        return any(has_variables(item) for item in value.values())
    return isinstance(value, list) and any(has_variables(item) for item in value)


def expand(value: Any, environment: Environment) -> Expansion:
    """Fill in every `${…}` of a value, at any depth.

    `${VAR}` or `${env:VAR}` is a variable, `${secret:NAME}` a secret of the keyring, `${vault:NAME}` one that a plugin's
    reader of that scheme has, `${env:A|secret:B}` the first that has a value, `${VAR:-default}` the default where it has none, and `$${` a literal `${`.
    """
    result = Expansion(None)
    result.value = _filled(value, environment, result)
    return result


def _filled(value: Any, environment: Environment, result: Expansion) -> Any:
    if isinstance(value, str):
        if "${" not in value:
            return value
        if value.count("${") > _MOST_PLACEHOLDERS:
            result.faults.append(f"there are more than {_MOST_PLACEHOLDERS} variables in it")
            return ""
        return _PLACEHOLDER.sub(lambda match: _replacement(match, environment, result), value)
    if isinstance(value, dict):
        return {key: _filled(item, environment, result) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, environment, result) for item in value]
    return value


def _replacement(match: re.Match[str], environment: Environment, result: Expansion) -> str:
    if match[0] == "$${":
        return "${"
    body, closing = match[1], match[2]
    if not closing:
        result.faults.append("'${' is never closed: write '}', or '$${' for the characters themselves")
        return ""
    names, has_default, default = body.partition(":-")
    alternatives = names.split("|")
    schemes = environment.secrets.schemes
    faults = [fault for each in alternatives if (fault := _fault_of(each, schemes))]
    if "${" in default:
        faults.append(f"'${{{names}:-' has a variable in its default: write ${{{names}|OTHER}}, the first with a value")
    value = None
    try:
        if not faults:
            found = (_value_of(each, environment, result) for each in alternatives)
            value = next((each for each in found if each is not None), None)
    except SecretFault as fault:
        faults += [] if environment.replays else [str(fault)]
    if faults:
        result.faults.append(faults[0])
        return ""
    if value is not None:
        return value
    if has_default or environment.replays:
        return default if has_default else _ENDPOINT if names.endswith(_ADDRESSES) else _KEY
    result.missing.append(" or ".join(alternative.removeprefix("env:") for alternative in alternatives))
    return ""


def _value_of(alternative: str, environment: Environment, result: Expansion) -> str | None:
    """The value of one alternative, noted where there is one."""
    prefix, _, name = alternative.rpartition(":")
    is_secret = prefix not in {"", "env"}
    try:
        value = environment.secrets.read(prefix, name) if is_secret else environment.variable(name)
    except SecretFault as fault:
        raise SecretFault(f"'${{{alternative}}}' cannot be read: {fault}") from None
    if value is not None:
        result.used.append(alternative if is_secret else name)
        result.values.append(value)
        if is_secret:
            result.secrets.append(value)
    return value


def _fault_of(alternative: str, schemes: tuple[str, ...]) -> str | None:
    prefix, _, name = alternative.rpartition(":")
    if prefix not in {"", "env", *schemes}:
        known = ", ".join(f"{scheme}:" for scheme in ("env", *schemes))
        hint = did_you_mean(prefix, ("env", *schemes))
        return f"'{prefix}:' is not a known scheme in '${{{alternative}}}'; {hint or f'there are {known}'}"
    if not _NAME.fullmatch(name):
        return f"'${{{alternative}}}' names no variable"
    return None


def read_environment(
    environ: Mapping[str, str], file: Path, faults: Faults, *, required: bool = False, secrets: Secrets | None = None
) -> Environment:
    """The environment with a `.env` file below it; the file may be absent unless it is required."""
    source = Source(file=str(file))
    values, read, absent = dict[str, str](), None, None
    try:
        values, read = _read_dotenv(file.read_text(encoding="utf-8-sig"), environ, source, faults), file
    except FileNotFoundError:
        absent = None if required else file
        if required:
            faults.error(ConfigError, "missing-file", f"the environment file {file} is missing", source)
    except IsADirectoryError:
        pass
    except OSError as error:
        reason = error.strerror or type(error).__name__
        faults.error(ConfigError, "unreadable-file", f"the file cannot be read: {reason}", source)
    except UnicodeDecodeError:
        faults.error(ConfigError, "bad-encoding", "the file is not UTF-8", source, expected="text in UTF-8")
    return Environment(environ, values, read, absent=absent, secrets=secrets or Secrets())


def leading_lines(text: str) -> int:
    """The empty lines before the first that says something: the parser takes them to what comes after them."""
    return text[: len(text) - len(text.lstrip())].count("\n")


def _read_dotenv(text: str, environ: Mapping[str, str], source: Source, faults: Faults) -> dict[str, str]:
    """The variables of a `.env` text; `${NAME}` in a value means the environment's or an earlier one of the file."""
    from io import StringIO

    from dotenv.parser import parse_stream
    from dotenv.variables import parse_variables

    values: dict[str, str] = {}
    known = ChainMap(dict(environ), values)
    for binding in parse_stream(StringIO(text)):
        line = binding.original.line + leading_lines(binding.original.string)
        if binding.error:
            message = "a line is not NAME=value and was left out"
            faults.warning("bad-env-line", message, source, line=line, column=1)
        elif binding.key is not None and binding.value is not None:
            value = binding.value
            if "${" in value:
                value = _joined(atom.resolve(known) for atom in parse_variables(value))
            if len(value) > LONGEST_VALUE:
                message = f"the value of {binding.key} is too long once its variables are filled in, and was left out"
                expected = f"{LONGEST_VALUE} characters at most"
                faults.error(ConfigError, "bad-value", message, source, line=line, column=1, expected=expected)
            else:
                values[binding.key] = value
    return values


def _joined(pieces: Iterable[str]) -> str:
    """The pieces in one, as far as a value may be long: a few that name each other grow without end."""
    joined: list[str] = []
    length = 0
    for piece in pieces:
        joined.append(piece[: LONGEST_VALUE + 1])
        length += len(piece)
        if length > LONGEST_VALUE:
            break
    return "".join(joined)
