"""The statements of both SQL stores; `:name` is a parameter."""

from __future__ import annotations

TABLES = (
    """CREATE TABLE IF NOT EXISTS pipelex_keys (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, digest TEXT NOT NULL UNIQUE, handles TEXT NOT NULL,
        day_budget BIGINT, month_budget BIGINT, rpm BIGINT, tpm BIGINT, is_admin BIGINT NOT NULL,
        created TEXT NOT NULL, revoked TEXT)""",
    "CREATE UNIQUE INDEX IF NOT EXISTS pipelex_keys_name ON pipelex_keys (name) WHERE revoked IS NULL",
    """CREATE TABLE IF NOT EXISTS pipelex_spend (
        id TEXT PRIMARY KEY, day TEXT NOT NULL DEFAULT '', day_nano BIGINT NOT NULL DEFAULT 0,
        month TEXT NOT NULL DEFAULT '', month_nano BIGINT NOT NULL DEFAULT 0,
        minute BIGINT NOT NULL DEFAULT 0, minute_calls BIGINT NOT NULL DEFAULT 0,
        minute_tokens BIGINT NOT NULL DEFAULT 0, total_nano BIGINT NOT NULL DEFAULT 0, calls BIGINT NOT NULL DEFAULT 0)""",
    """CREATE TABLE IF NOT EXISTS pipelex_uses (
        day TEXT NOT NULL, key TEXT NOT NULL, handle TEXT NOT NULL, model TEXT NOT NULL, backend TEXT NOT NULL,
        calls BIGINT NOT NULL, errors BIGINT NOT NULL, input_tokens BIGINT NOT NULL, output_tokens BIGINT NOT NULL,
        nano BIGINT NOT NULL, millis BIGINT NOT NULL, PRIMARY KEY (day, key, handle, model, backend))""",
    "CREATE TABLE IF NOT EXISTS pipelex_secrets (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
)

TABLE_OF_TEXTS = """CREATE TABLE IF NOT EXISTS pipelex_texts (
    owner TEXT NOT NULL, name TEXT NOT NULL, text TEXT NOT NULL, until BIGINT NOT NULL, PRIMARY KEY (owner, name))"""
PUT_TEXTS = """INSERT INTO pipelex_texts (owner, name, text, until)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[])
    ON CONFLICT (owner, name) DO UPDATE SET text = excluded.text, until = excluded.until"""
TEXTS = "SELECT name, text FROM pipelex_texts WHERE owner = $1 AND name = ANY($2::text[]) AND until > $3"
SWEEP_TEXTS = "DELETE FROM pipelex_texts WHERE until <= :now"
"""Statements of PostgreSQL alone: SQLite's store is of one machine."""

ADD = """INSERT INTO pipelex_keys
    (id, name, digest, handles, day_budget, month_budget, rpm, tpm, is_admin, created, revoked)
    VALUES (:id, :name, :digest, :handles, :day_budget, :month_budget, :rpm, :tpm, :is_admin, :created, NULL)
    ON CONFLICT DO NOTHING"""
ADD_SPEND = "INSERT INTO pipelex_spend (id) VALUES (:id) ON CONFLICT DO NOTHING"
REVOKE = "UPDATE pipelex_keys SET revoked = :when WHERE name = :name AND revoked IS NULL"
KEYS = "SELECT * FROM pipelex_keys ORDER BY created, name"
FIND = "SELECT * FROM pipelex_keys WHERE digest = :digest AND revoked IS NULL"

_DAY = "(CASE WHEN day = :day THEN day_nano ELSE 0 END)"
_MONTH = "(CASE WHEN month = :month THEN month_nano ELSE 0 END)"
_CALLS = "(CASE WHEN minute = :minute THEN minute_calls ELSE 0 END)"
_TOKENS = "(CASE WHEN minute = :minute THEN minute_tokens ELSE 0 END)"

ENTER = f"""UPDATE pipelex_spend SET
    day = :day, day_nano = {_DAY} + :nano, month = :month, month_nano = {_MONTH} + :nano,
    minute = :minute, minute_calls = {_CALLS} + 1, minute_tokens = {_TOKENS} + :tokens
    WHERE id = :id
    AND (:day_budget < 0 OR {_DAY} + :nano <= :day_budget)
    AND (:month_budget < 0 OR {_MONTH} + :nano <= :month_budget)
    AND (:rpm < 0 OR {_CALLS} < :rpm)
    AND (:tpm < 0 OR {_TOKENS} = 0 OR {_TOKENS} + :tokens <= :tpm)"""  # noqa: S608 -- constants of this module
"""One conditional statement: what two processes do at once is done one after the other. A limit of -1 means unlimited."""

SETTLE = """UPDATE pipelex_spend SET
    day_nano = CASE WHEN day = :day THEN day_nano + :more ELSE day_nano END,
    month_nano = CASE WHEN month = :month THEN month_nano + :more ELSE month_nano END,
    minute_tokens = CASE WHEN minute = :minute THEN minute_tokens + :more_tokens ELSE minute_tokens END,
    total_nano = total_nano + :paid, calls = calls + 1 WHERE id = :id"""

SETTLE_UNLIMITED = f"""UPDATE pipelex_spend SET
    day_nano = {_DAY} + :more, day = :day, month_nano = {_MONTH} + :more, month = :month,
    minute_calls = {_CALLS} + 1, minute_tokens = {_TOKENS} + :more_tokens, minute = :minute,
    total_nano = total_nano + :paid, calls = calls + 1 WHERE id = :id"""  # noqa: S608 -- as above

STANDING = f"""SELECT {_DAY} AS day_nano, {_MONTH} AS month_nano, {_CALLS} AS minute_calls,
    {_TOKENS} AS minute_tokens, total_nano, calls FROM pipelex_spend WHERE id = :id"""  # noqa: S608 -- as above

COUNT = """INSERT INTO pipelex_uses VALUES
    (:day, :key, :handle, :model, :backend, :calls, :errors, :input_tokens, :output_tokens, :nano, :millis)
    ON CONFLICT (day, key, handle, model, backend) DO UPDATE SET
    calls = pipelex_uses.calls + excluded.calls, errors = pipelex_uses.errors + excluded.errors,
    input_tokens = pipelex_uses.input_tokens + excluded.input_tokens,
    output_tokens = pipelex_uses.output_tokens + excluded.output_tokens,
    nano = pipelex_uses.nano + excluded.nano, millis = pipelex_uses.millis + excluded.millis"""
USES = "SELECT * FROM pipelex_uses WHERE day >= :since ORDER BY day, key, handle, model, backend"

ADD_SECRET = "INSERT INTO pipelex_secrets VALUES (:name, :value) ON CONFLICT DO NOTHING"  # noqa: S105 -- a statement
SECRET = "SELECT value FROM pipelex_secrets WHERE name = :name"  # noqa: S105 -- a statement
