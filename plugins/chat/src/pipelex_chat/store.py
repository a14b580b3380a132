"""The database: calls that were logged, and conversations that were saved. Only its owner may read it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from attrs import frozen

from pipelex_core.errors import PipelexError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS calls (
    id INTEGER PRIMARY KEY, at TEXT NOT NULL, operation TEXT, handle TEXT, model TEXT, backend TEXT,
    input_tokens INTEGER, output_tokens INTEGER, cost TEXT, seconds REAL, outcome TEXT, prompt TEXT, answer TEXT,
    conversation TEXT
);
CREATE TABLE IF NOT EXISTS conversations (
    id INTEGER PRIMARY KEY, updated TEXT NOT NULL, title TEXT, model TEXT, system TEXT, messages TEXT NOT NULL, cost TEXT
);
"""
_SAVE = """
INSERT OR REPLACE INTO conversations (id, updated, title, model, system, messages, cost)
VALUES (:id, :updated, :title, :model, :system, :messages, :cost)
"""
_COLUMNS = (
    "at", "operation", "handle", "model", "backend", "input_tokens", "output_tokens", "cost", "seconds", "outcome",
    "prompt", "answer", "conversation",
)  # fmt: skip


@frozen
class Store:
    """One database.

    Attributes:
        path: Its file.
    """

    path: Path

    def _open(self) -> sqlite3.Connection:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            is_new = not self.path.exists()
            if is_new:
                self.path.touch(mode=0o600)
            connection = sqlite3.connect(self.path, timeout=10)
            connection.row_factory = sqlite3.Row
            if is_new:
                connection.execute("PRAGMA journal_mode=WAL")
            connection.executescript(_SCHEMA)
            if "conversation" not in {row["name"] for row in connection.execute("PRAGMA table_info(calls)")}:
                connection.execute("ALTER TABLE calls ADD COLUMN conversation TEXT")  # a file of the first release
        except (OSError, sqlite3.Error) as error:
            msg = f"the log '{self.path}' cannot be used: {error}"
            raise PipelexError(msg) from error
        return connection

    def add(self, call: Mapping[str, Any]) -> None:
        """Write a call."""
        marks = ", ".join("?" * len(_COLUMNS))
        with closing(self._open()) as connection, connection:
            values = [call.get(name) for name in _COLUMNS]
            connection.execute(f"INSERT INTO calls ({', '.join(_COLUMNS)}) VALUES ({marks})", values)  # noqa: S608

    def calls(self, words: str | None = None, *, most: int = 20) -> list[dict[str, Any]]:
        """The latest calls, latest first; those that have some words in a name or a content."""
        where, values = "", []
        if words:
            where = "WHERE handle || ' ' || model || ' ' || backend || ' ' || ifnull(prompt, '') || ' ' || ifnull(answer, '') LIKE ?"
            values = [f"%{words}%"]
        with closing(self._open()) as connection:
            rows = connection.execute(f"SELECT * FROM calls {where} ORDER BY id DESC LIMIT ?", [*values, most])  # noqa: S608
            return [dict(row) for row in rows]

    def call(self, number: int) -> dict[str, Any]:
        """One call.

        Raises:
            PipelexError: There is none of that number.
        """
        with closing(self._open()) as connection:
            row = connection.execute("SELECT * FROM calls WHERE id = ?", [number]).fetchone()
        if row is None:
            msg = f"the log has no call {number}"
            raise PipelexError(msg)
        return dict(row)

    def stated_in(self, number: int | None = None) -> dict[str, Any]:
        """The content of a call, as a conversation to go on with; in the latest that has contents without a number.

        Raises:
            PipelexError: There is no such call, or its contents were not kept.
        """
        if number is not None:
            row = self.call(number)
        else:
            with closing(self._open()) as connection:
                query = "SELECT * FROM calls WHERE conversation IS NOT NULL ORDER BY id DESC LIMIT 1"
                found = connection.execute(query).fetchone()
            row = {} if found is None else dict(found)
        if not row.get("conversation"):
            which = "no call" if number is None else f"call {number} was not"
            kept = " is kept with its contents" if number is None else " kept with its contents"
            msg = f"{which}{kept}; have calls kept so: pipelex logs on --contents"
            raise PipelexError(msg)
        return {"id": None, "model": row["handle"], "cost": None, **json.loads(row["conversation"])}

    def forget(self) -> int:
        """Delete every call; how many there were. Conversations stay."""
        with closing(self._open()) as connection, connection:
            return connection.execute("DELETE FROM calls").rowcount

    def save(self, conversation: Mapping[str, Any], number: int | None) -> int:
        """Write a conversation, over the one of that number; its number."""
        values = {**conversation, "messages": json.dumps(conversation["messages"]), "id": number}
        with closing(self._open()) as connection, connection:
            return int(connection.execute(_SAVE, values).lastrowid or 0)

    def conversation(self, number: int | None = None) -> dict[str, Any]:
        """A conversation; the latest where no number is given.

        Raises:
            PipelexError: There is none.
        """
        with closing(self._open()) as connection:
            query = "SELECT * FROM conversations WHERE ? IS NULL OR id = ? ORDER BY updated DESC, id DESC LIMIT 1"
            row = connection.execute(query, [number, number]).fetchone()
        if row is None:
            msg = "no conversation is saved" if number is None else f"there is no conversation {number}"
            raise PipelexError(msg)
        return {**dict(row), "messages": json.loads(row["messages"])}

    def conversations(self) -> Iterator[tuple[int, str, str]]:
        """Number, time and title of each, latest first."""
        with closing(self._open()) as connection:
            rows = connection.execute(
                "SELECT id, updated, title FROM conversations ORDER BY updated DESC, id DESC"
            ).fetchall()
        return ((row["id"], row["updated"], row["title"]) for row in rows)
