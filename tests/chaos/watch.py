"""Looks into the store from outside: what is overdue, what is physically there, which chunk nobody
answers for.

It speaks RESP by itself, on one connection, so that a look costs next to nothing beside the load.
"""
import socket

from store_form import LUA

# The deadline index of all shards: {store's ms, entries due by ARGV[1] (0: now), the oldest due
# score}
OVERDUE = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local by, n, oldest = tonumber(ARGV[1]), 0, 0
if by == 0 then by = now end
for shard = 0, 63 do
  local dl = string.format('tg:{%02x}:dl', shard)
  local due = redis.call('ZRANGEBYSCORE', dl, '-inf', by, 'WITHSCORES', 'LIMIT', 0, 1)
  if due[2] then
    n = n + redis.call('ZCOUNT', dl, '-inf', by)
    if oldest == 0 or tonumber(due[2]) < oldest then oldest = tonumber(due[2]) end
  end
end
return {now, n, oldest}
"""

# Everything that is there: {ms, keys that Redis itself calls expired but has not removed (DBSIZE
# counts them, KEYS does not show them), how many may be so because the index has an entry for them
# that is due this moment, chunks, the key of each chunk that no index entry answers for}
WHOLE = LUA + r"""
local size = redis.call('DBSIZE')
local keys = redis.call('KEYS', '*')
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local kept, due = {}, 0
for shard = 0, 63 do
  local p = string.format('tg:{%02x}:', shard)
  local all = redis.call('ZRANGE', p .. 'dl', 0, -1, 'WITHSCORES')
  for i = 1, #all, 2 do
    local kind, id = string.match(all[i], '^(%a):([^:\t]+)')
    if kind ~= 's' then kept[id] = true end
    if tonumber(all[i + 1]) <= now then
      local record = kind == 'b' and redis.call('GETRANGE', p .. 'b:' .. id, 0, 2047)
      due = due + 2 + (tonumber(record and public_fields(record)[FIELD.n] or 64) or 64)
    end
  end
end
local out, chunks = {}, 0
for _, key in ipairs(keys) do
  local rest = string.match(key, '^tg:{%x%x}:c:(.+)$')
  if rest then
    chunks = chunks + 1
    local id = string.match(rest, '^([^:]+):%d+$')
    if not kept[id] then out[#out + 1] = key .. ' pttl ' .. redis.call('PTTL', key) end
  end
  -- an only chunk behind its record; an attempt's expires by itself
  local blob = string.match(key, '^tg:{%x%x}:b:([^:]+)$')
  local head, state
  if blob then head, state = head_of(key) end
  if head and state == 'live' then
    chunks = chunks + 1
    if not kept[blob] then out[#out + 1] = key .. ' pttl ' .. redis.call('PTTL', key) end
  end
end
return {now, size - #keys, due, chunks, out}
"""

# What the index holds but sessions' entries: "member score"
INDEX = """
local out = {}
for shard = 0, 63 do
  local all = redis.call('ZRANGE', string.format('tg:{%02x}:dl', shard), 0, -1, 'WITHSCORES')
  for i = 1, #all, 2 do out[#out + 1] = all[i] .. ' ' .. all[i + 1] end
end
return out
"""


class Redis:
    """One connection, one command at a time."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.sock.settimeout(20)
            self.sock.connect(path)
        except BaseException:
            self.sock.close()
            raise
        self.file = self.sock.makefile("rb")

    def close(self):
        self.file.close()
        self.sock.close()

    def call(self, *args):
        parts = [str(a).encode() for a in args]
        self.sock.sendall(
            b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts)
        )
        return self.reply()

    def reply(self):
        line = self.file.readline()
        assert line.endswith(b"\r\n"), "the store has gone"
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise AssertionError("the store says: " + rest.decode())
        if kind == b"+":
            return rest.decode()
        if kind == b":":
            return int(rest)
        n = int(rest)
        if kind == b"*":
            return [self.reply() for _ in range(n)] if n >= 0 else None
        assert kind == b"$", line
        return self.file.read(n + 2)[:-2].decode("utf-8", "replace") if n >= 0 else None

    # What the rounds ask ---------------------------------------------------
    def overdue(self, by_ms=0):
        """(the store's ms, how many entries are due, how overdue the oldest is in ms)."""
        now, n, oldest = self.call("EVAL", OVERDUE, 0, by_ms)
        return now, n, now - oldest if n else 0

    def whole(self):
        """(expired but there, as many of them as the index accounts for, chunks, orphaned
        chunks)."""
        _, expired, due, chunks, orphans = self.call("EVAL", WHOLE, 0)
        return expired, due, chunks, orphans

    def index(self):
        """{member: score} of all shards."""
        return {
            line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1])
            for line in self.call("EVAL", INDEX, 0)
        }
