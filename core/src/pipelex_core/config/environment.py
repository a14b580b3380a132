"""Variables: the process environment over `.env`, secrets from the keyring, and `${…}` in the values of a file.

Nothing here changes `os.environ`. A value that is empty counts as missing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from pipelex_core.errors import ConfigError
from pipelex_core.specs import Source

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pipelex_core.config.problems import Faults

KEYRING_SERVICE = "pipelex"
"""The service name under which the keyring library keeps `${secret:NAME}`; NAME is the user name."""

_PLACEHOLDER = re.compile(r"\$\$\{|\$\{([^}]*)(\}?)")
_ENDPOINT = "https://replayed.invalid"
_KEY = "replayed-without-a-key"
"""What stands for a missing variable while answers are replayed."""
_ADDRESSES = ("_URL", "_ENDPOINT", "_BASE")
_NAME = re.compile(r"[^\s|:${}]+")


class Environment:
    """What `${…}` can be filled with.

    Args:
        variables: The process environment.
        dotenv: The variables of the `.env` file, which count where the environment has none.
        file: That file, for messages; None where there is none.
        absent: The file that was looked for, where there is none.
    """

    def __init__(
        self,
        variables: Mapping[str, str],
        dotenv: Mapping[str, str] | None = None,
        file: Path | None = None,
        *,
        absent: Path | None = None,
    ) -> None:
        self._variables = variables
        self._dotenv = dotenv or {}
        self.file = file
        self._absent = absent

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

    def secret(self, name: str) -> str | None:
        """A secret from the keyring, or None where there is none, or no keyring library."""
        from importlib import import_module

        try:
            keyring = import_module("keyring")
            return keyring.get_password(KEYRING_SERVICE, name) or None
        except ImportError:
            return None
        except Exception:  # noqa: BLE001 -- no backend, locked, denied: each means that there is no value to be had
            return None


@frozen(eq=False, repr=False)
class Expansion:
    """What came of filling in one value.

    Attributes:
        value: The value, every `${…}` in it replaced by what it stands for.
        used: The variables that gave a value, as they were written: `OPENAI_API_KEY`, `secret:openai`.
        values: What each of them gave.
        missing: The variables that have none; alternatives joined by ` or `.
        faults: What is wrong with a `${…}` itself.
    """

    value: Any
    used: list[str] = field(factory=list)
    values: list[str] = field(factory=list)
    missing: list[str] = field(factory=list)
    faults: list[str] = field(factory=list)


def has_variables(value: Any) -> bool:
    """Whether there is a `${` anywhere inside a value."""
    if isinstance(value, str):
        return "${" in value
    if isinstance(value, dict):
        return any(has_variables(item) for item in value.values())
    return isinstance(value, list) and any(has_variables(item) for item in value)


def expand(value: Any, environment: Environment) -> Expansion:
    """Fill in every `${…}` of a value, at any depth.

    `${VAR}` or `${env:VAR}` is a variable, `${secret:NAME}` a secret of the keyring, `${env:A|secret:B}` the first
    that has a value, `${VAR:-default}` the default where it has none, and `$${` a literal `${`.
    """
    result = Expansion(None)
    return evolve(result, value=_filled(value, environment, result))


def _filled(value: Any, environment: Environment, result: Expansion) -> Any:
    if isinstance(value, str):
        if "${" not in value:
            return value
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
    faults = [fault for fault in map(_fault_of, alternatives) if fault]
    if "${" in default:
        faults.append(f"'${{{names}:-' has a variable in its default: write ${{{names}|OTHER}}, the first with a value")
    if faults:
        result.faults.append(faults[0])
        return ""
    for alternative in alternatives:
        prefix, _, name = alternative.rpartition(":")
        value = environment.secret(name) if prefix == "secret" else environment.variable(name)
        if value is not None:
            result.used.append(f"secret:{name}" if prefix == "secret" else name)
            result.values.append(value)
            return value
    if has_default or environment.replays:
        return default if has_default else _ENDPOINT if names.endswith(_ADDRESSES) else _KEY
    result.missing.append(" or ".join(alternative.removeprefix("env:") for alternative in alternatives))
    return ""


def _fault_of(alternative: str) -> str | None:
    prefix, _, name = alternative.rpartition(":")
    if prefix not in {"", "env", "secret"}:
        return f"'{prefix}:' is no known prefix in '${{{alternative}}}': write env: or secret:"
    if not _NAME.fullmatch(name):
        return f"'${{{alternative}}}' names no variable"
    return None


def read_environment(environ: Mapping[str, str], file: Path, faults: Faults, *, required: bool = False) -> Environment:
    """The environment with a `.env` file below it; the file may be absent unless it is required."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        if required:
            message = f"the environment file {file} is missing"
            faults.error(ConfigError, "missing-file", message, Source(file=str(file)))
            return Environment(environ)
        return Environment(environ, absent=file)
    except IsADirectoryError:
        return Environment(environ)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        faults.error(ConfigError, "unreadable-file", f"the file cannot be read: {reason}", Source(file=str(file)))
        return Environment(environ)
    except UnicodeDecodeError:
        message = "the file is not UTF-8"
        faults.error(ConfigError, "bad-encoding", message, Source(file=str(file)), expected="text in UTF-8")
        return Environment(environ)
    return Environment(environ, _read_dotenv(text, environ, file, faults), file)


def leading_lines(text: str) -> int:
    """The empty lines before the first that says something: the parser takes them to what comes after them."""
    return text[: len(text) - len(text.lstrip())].count("\n")


def _read_dotenv(text: str, environ: Mapping[str, str], file: Path, faults: Faults) -> dict[str, str]:
    """The variables of a `.env` text; `${NAME}` in a value means the environment's or an earlier one of the file."""
    from io import StringIO

    from dotenv.parser import parse_stream
    from dotenv.variables import parse_variables

    values: dict[str, str] = {}
    for binding in parse_stream(StringIO(text)):
        if binding.error:
            message = "a line is no NAME=value and was left out"
            line = binding.original.line + leading_lines(binding.original.string)
            faults.warning("bad-env-line", message, Source(file=str(file)), line=line, column=1)
        elif binding.key is not None and binding.value is not None:
            value = binding.value
            if "${" in value:
                known = {**values, **environ}
                value = "".join(atom.resolve(known) for atom in parse_variables(value))
            values[binding.key] = value
    return values
