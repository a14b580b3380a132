"""Keys and spend on a Redis or Valkey server, which many machines share. Each step that decides is one script."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import attrs
import redis.asyncio
from redis.exceptions import RedisError

from pipelex_core.errors import PipelexError
from pipelex_serve.jsons import decode, encode
from pipelex_serve.keys.rows import key_of, of_entry, of_key, of_settled
from pipelex_serve.keys.store import Standing, Store, Use

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, Sequence

    from pipelex_serve.keys.key import Key
    from pipelex_serve.keys.store import Entry

T = TypeVar("T")

_SPEND = """
local function now_in(key, period, value, field)
  if redis.call('HGET', key, period) == value then return tonumber(redis.call('HGET', key, field) or '0') end
  return 0
end
"""
_ENTER = (
    _SPEND
    + """
local k, day, month, minute = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local nano, tokens = tonumber(ARGV[4]), tonumber(ARGV[5])
local day_budget, month_budget, rpm, tpm = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local spent_day, spent_month = now_in(k, 'day', day, 'day_nano'), now_in(k, 'month', month, 'month_nano')
local calls, used = now_in(k, 'minute', minute, 'minute_calls'), now_in(k, 'minute', minute, 'minute_tokens')
if day_budget >= 0 and spent_day + nano > day_budget then return 0 end
if month_budget >= 0 and spent_month + nano > month_budget then return 0 end
if rpm >= 0 and calls >= rpm then return 0 end
if tpm >= 0 and used > 0 and used + tokens > tpm then return 0 end
local function whole(number) return string.format('%.0f', number) end
redis.call('HSET', k, 'day', day, 'day_nano', whole(spent_day + nano), 'month', month, 'month_nano', whole(spent_month + nano),
  'minute', minute, 'minute_calls', whole(calls + 1), 'minute_tokens', whole(used + tokens))
return 1
"""
)
_SETTLE = (
    _SPEND
    + """
local k, day, month, minute = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local more, more_tokens, paid, was_entered = ARGV[4], ARGV[5], ARGV[6], ARGV[7] == '1'
if not was_entered then
  if redis.call('HGET', k, 'day') ~= day then redis.call('HSET', k, 'day', day, 'day_nano', '0') end
  if redis.call('HGET', k, 'month') ~= month then redis.call('HSET', k, 'month', month, 'month_nano', '0') end
  if redis.call('HGET', k, 'minute') ~= minute then
    redis.call('HSET', k, 'minute', minute, 'minute_calls', '0', 'minute_tokens', '0')
  end
  redis.call('HINCRBY', k, 'minute_calls', 1)
end
if redis.call('HGET', k, 'day') == day then redis.call('HINCRBY', k, 'day_nano', more) end
if redis.call('HGET', k, 'month') == month then redis.call('HINCRBY', k, 'month_nano', more) end
if redis.call('HGET', k, 'minute') == minute then redis.call('HINCRBY', k, 'minute_tokens', more_tokens) end
redis.call('HINCRBY', k, 'total_nano', paid)
redis.call('HINCRBY', k, 'calls', 1)
return 1
"""
)
_ADD = """
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
return 1
"""
_REVOKE = """
local digest = redis.call('HGET', KEYS[1], ARGV[1])
if not digest then return 0 end
local key = cjson.decode(redis.call('HGET', KEYS[2], digest))
key['revoked'] = ARGV[2]
redis.call('HSET', KEYS[2], digest, cjson.encode(key))
redis.call('HDEL', KEYS[1], ARGV[1])
return 1
"""

_NAMES, _KEYS, _USES, _SECRETS = "pipelex:names", "pipelex:keys", "pipelex:uses:", "pipelex:secrets"
_COUNTED = ("calls", "errors", "input_tokens", "output_tokens", "nano", "millis")


class RedisStore(Store):
    """The server."""

    is_shared: ClassVar[bool] = True

    def __init__(self, url: str) -> None:
        self._url = url
        self._server: Any = None

    async def open(self) -> None:
        """Connect."""
        if self._server is not None:
            return
        try:
            self._server = redis.asyncio.Redis.from_url(self._url, decode_responses=True, socket_timeout=15)
            await self._server.ping()
        except (RedisError, OSError, ValueError) as error:
            raise _unusable(error) from None
        self._scripts = {text: self._server.register_script(text) for text in (_ENTER, _SETTLE, _ADD, _REVOKE)}

    async def close(self) -> None:
        """Close the connections."""
        server, self._server = self._server, None
        if server is not None:
            await server.aclose()

    async def add(self, key: Key) -> bool:
        """As in `Store`."""
        written = encode(of_key(key)).decode("utf-8")
        return bool(await self._run(_ADD, [_NAMES, _KEYS], [key.name, key.digest, written]))

    async def revoke(self, name: str, when: str) -> bool:
        """As in `Store`."""
        return bool(await self._run(_REVOKE, [_NAMES, _KEYS], [name, when]))

    async def keys(self) -> list[Key]:
        """As in `Store`."""
        rows = await self._whole(self._open().hvals(_KEYS))
        found = [key_of(_without_nulls(decode(row.encode("utf-8")))) for row in rows]
        return sorted(found, key=lambda key: (key.created, key.name))

    async def find(self, digest: str) -> Key | None:
        """As in `Store`."""
        row = await self._whole(self._open().hget(_KEYS, digest))
        key = None if row is None else key_of(_without_nulls(decode(row.encode("utf-8"))))
        return None if key is None or key.revoked is not None else key

    async def enter(self, entry: Entry) -> bool:
        """As in `Store`."""
        reported = of_entry(entry)
        order = ("day", "month", "minute", "nano", "tokens", "day_budget", "month_budget", "rpm", "tpm")
        return bool(await self._run(_ENTER, [_spend(entry.key.id)], [reported[name] for name in order]))

    async def settle(self, entry: Entry, nano: int, tokens: int) -> None:
        """As in `Store`."""
        reported = of_settled(entry, nano, tokens)
        order = ("day", "month", "minute", "more", "more_tokens", "paid")
        arguments = [*(reported[name] for name in order), int(entry.key.is_limited)]
        await self._run(_SETTLE, [_spend(entry.key.id)], arguments)

    async def standing(self, key_id: str, day: str, month: str, minute: int) -> Standing:
        """As in `Store`."""
        row = await self._whole(self._open().hgetall(_spend(key_id)))
        runs = {
            "day": row.get("day") == day,
            "month": row.get("month") == month,
            "minute": row.get("minute") == str(minute),
        }

        def count(name: str) -> int:
            return int(row.get(name, 0)) if runs.get(name.partition("_")[0], True) else 0

        return Standing(**{field.name: count(field.name) for field in attrs.fields(Standing)})

    async def count(self, uses: Sequence[Use]) -> None:
        """As in `Store`."""
        async with self._open().pipeline(transaction=True) as pipe:
            for use in uses:
                place = encode(use.place[1:]).decode("utf-8")
                for name, value in zip(_COUNTED, use.counts, strict=True):
                    pipe.hincrby(f"{_USES}{use.day}", f"{name} {place}", value)
                pipe.sadd(f"{_USES}days", use.day)
            await self._whole(pipe.execute())

    async def uses(self, since: str) -> list[Use]:
        """As in `Store`."""
        found = []
        for day in sorted(await self._whole(self._open().smembers(f"{_USES}days"))):
            if day < since:
                continue
            places: dict[str, dict[str, int]] = {}
            for field, value in (await self._whole(self._open().hgetall(f"{_USES}{day}"))).items():
                name, _, place = field.partition(" ")
                places.setdefault(place, {})[name] = int(value)
            for place, counts in sorted(places.items()):
                key, handle, model, backend = decode(place.encode("utf-8"))
                found.append(Use(day=day, key=key, handle=handle, model=model, backend=backend, **counts))
        return found

    async def secret(self, name: str, fresh: str) -> str:
        """As in `Store`."""
        await self._whole(self._open().hsetnx(_SECRETS, name, fresh))
        return str(await self._whole(self._open().hget(_SECRETS, name)))

    async def put(self, owner: str, texts: Mapping[str, str], seconds: int) -> None:
        """As in `Store`."""
        async with self._open().pipeline(transaction=False) as pipe:
            for name, text in texts.items():
                pipe.set(_text(owner, name), text, ex=seconds)
            await self._whole(pipe.execute())

    async def texts(self, owner: str, names: Sequence[str]) -> dict[str, str]:
        """As in `Store`."""
        found = await self._whole(self._open().mget([_text(owner, name) for name in names]))
        return {name: text for name, text in zip(names, found, strict=True) if text is not None}

    async def _run(self, script: str, keys: list[str], arguments: list[Any]) -> Any:
        self._open()
        return await self._whole(self._scripts[script](keys=keys, args=arguments))

    async def _whole(self, work: Coroutine[Any, Any, T]) -> T:
        """What the server answers; what was begun goes on to its end, also where whoever waits for it leaves."""
        task = asyncio.ensure_future(work)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait([task])
            raise
        except (RedisError, OSError) as error:
            raise _unusable(error) from None

    def _open(self) -> Any:
        if self._server is None:
            msg = "the store of keys and spend is closed"
            raise PipelexError(msg)
        return self._server


def _spend(key_id: str) -> str:
    return f"pipelex:spend:{key_id}"


def _text(owner: str, name: str) -> str:
    return f"pipelex:texts:{owner}:{name}"


def _without_nulls(row: dict[str, Any]) -> dict[str, Any]:
    """A key as JSON has it; Lua leaves out what is null, which is what a key has by default."""
    return {name: value for name, value in row.items() if value is not None}


def _unusable(error: Exception) -> PipelexError:
    """The error of a server that does not answer as it should; never with its address, which may have a password."""
    return PipelexError(f"spend cannot be kept on the Redis server: {type(error).__name__}: {str(error)[:200]}")
