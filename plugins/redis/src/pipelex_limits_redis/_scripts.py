"""What the Redis server does: each script is one step that nothing comes between, by the server's own clock.

A minute is kept as a hash, second -> amount, and for tokens `<second>o` -> the part of it that is only reserved and may turn
out to be less; a second counts until sixty more have passed. Those under way are a sorted set,
each with the time when it counts as lost unless its process says again that it lives. Who waits, of several processes, is
let through first come first; whoever has not asked again for some seconds is forgotten.

Keys: `waiting` and `beats`, then for the backend and, where it has limits, the model: `running`, `requests`, `tokens`.
"""

from __future__ import annotations

_CLOCK = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""

ENTER = (
    _CLOCK
    + """
local id, tokens, window = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local lease, stale = tonumber(ARGV[4]), tonumber(ARGV[5])

local function wait()
  redis.call('ZADD', KEYS[1], 'NX', now, id)
  redis.call('ZADD', KEYS[2], now, id)
  redis.call('PEXPIRE', KEYS[1], 60000)
  redis.call('PEXPIRE', KEYS[2], 60000)
end

for _, lost in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now - stale)) do
  redis.call('ZREM', KEYS[1], lost)
  redis.call('ZREM', KEYS[2], lost)
end
local first = redis.call('ZRANGE', KEYS[1], 0, 0)[1]

-- Milliseconds until an amount fits into what a minute has left, and the same if what is only reserved turns out to be
-- nothing; 0 where it fits now.
local function until_free(key, amount, cap)
  local kept, used, open = redis.call('HGETALL', key), {}, {}
  for at = 1, #kept, 2 do
    local second, mark = string.match(kept[at], '^(%d+)(o?)$')
    if (second + 1) * 1000 + window <= now then
      redis.call('HDEL', key, kept[at])
    elseif mark == 'o' then
      open[second] = tonumber(kept[at + 1])
    else
      used[#used + 1] = {second, tonumber(kept[at + 1])}
    end
  end
  table.sort(used, function(one, other) return tonumber(one[1]) < tonumber(other[1]) end)
  local function left(count)
    local over = math.min(amount, cap) - cap
    for _, each in ipairs(used) do over = over + count(each) end
    if over <= 0 then return 0 end
    for _, each in ipairs(used) do
      over = over - count(each)
      if over <= 0 then return (each[1] + 1) * 1000 + window - now end
    end
    return 0
  end
  return left(function(each) return each[2] end), left(function(each) return each[2] - (open[each[1]] or 0) end)
end

local full, least = nil, {0, 0, 0}
local function is_full(at, cap, sure)
  full = full or {at, cap}
  if sure > least[1] then least = {sure, at, cap} end
end

local tables = (#KEYS - 2) / 3
for at = 1, tables do
  local key, cap = 2 + (at - 1) * 3, 5 + (at - 1) * 3
  local running, requests, most = tonumber(ARGV[cap + 1]), tonumber(ARGV[cap + 2]), tonumber(ARGV[cap + 3])
  if running >= 0 then
    redis.call('ZREMRANGEBYSCORE', KEYS[key + 1], '-inf', now)
    if redis.call('ZCARD', KEYS[key + 1]) >= running then is_full(at, 1, 0) end
  end
  if requests >= 0 then
    local left, sure = until_free(KEYS[key + 2], 1, requests)
    if left > 0 then is_full(at, 2, sure) end
  end
  if most >= 0 then
    local left, sure = until_free(KEYS[key + 3], tokens, most)
    if left > 0 then is_full(at, 3, sure) end
  end
end
if full or (first and first ~= id) then
  wait()
  if least[1] > 0 then return {0, least[1], least[2], least[3]} end
  return {0, -1, full and full[1] or 0, full and full[2] or 0}
end

redis.call('ZREM', KEYS[1], id)
redis.call('ZREM', KEYS[2], id)
local second = math.floor(now / 1000)
for at = 1, tables do
  local key, cap = 2 + (at - 1) * 3, 5 + (at - 1) * 3
  if tonumber(ARGV[cap + 1]) >= 0 then
    redis.call('ZADD', KEYS[key + 1], now + lease, id)
    redis.call('PEXPIRE', KEYS[key + 1], 2 * lease)
  end
  if tonumber(ARGV[cap + 2]) >= 0 then
    redis.call('HINCRBY', KEYS[key + 2], second, 1)
    redis.call('PEXPIRE', KEYS[key + 2], window + 2000)
  end
  if tonumber(ARGV[cap + 3]) >= 0 then
    redis.call('HINCRBY', KEYS[key + 3], second, tokens)
    redis.call('HINCRBY', KEYS[key + 3], second .. 'o', tokens)
    redis.call('PEXPIRE', KEYS[key + 3], window + 2000)
  end
end
return {1, 0, 0, second}
"""
)
"""Arguments: id, tokens, window, lease, stale (milliseconds), then three caps a table, -1 for none.

Gives `{1, 0, 0, second}`, or `{0, milliseconds or -1, table or 0, cap}`: how long to wait at least, where that is known, and for
which cap.
"""

LEAVE = """
local id, second = ARGV[1], ARGV[2]
local requests, tokens, reserved = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
redis.call('ZREM', KEYS[1], id)
redis.call('ZREM', KEYS[2], id)
for key = 3, #KEYS, 3 do
  redis.call('ZREM', KEYS[key], id)
  if requests ~= 0 and redis.call('HEXISTS', KEYS[key + 1], second) == 1 then
    redis.call('HINCRBY', KEYS[key + 1], second, requests)
  end
  if reserved ~= 0 and redis.call('HEXISTS', KEYS[key + 2], second) == 1 then
    redis.call('HINCRBY', KEYS[key + 2], second, tokens)
    if redis.call('HINCRBY', KEYS[key + 2], second .. 'o', -reserved) <= 0 then
      redis.call('HDEL', KEYS[key + 2], second .. 'o')
    end
  end
end
return 1
"""
"""Arguments: id, second, by how much to change the requests and the tokens of that second, and the tokens it had reserved."""

RENEW = (
    _CLOCK
    + """
for _, id in ipairs(ARGV) do
  if id ~= ARGV[1] then redis.call('ZADD', KEYS[1], now + ARGV[1], id) end
end
redis.call('PEXPIRE', KEYS[1], 2 * ARGV[1])
return 1
"""
)
"""One key, `running`; arguments: the lease, and the ids that live."""
