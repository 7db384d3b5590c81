"""What tests that look into Redis from outside know of its form: all of it from
server/store/schema.def, and nothing of it anywhere else."""
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tools"))
import schema  # noqa: E402

S = schema.Schema()
PUBLIC = [f[0] for f in S.public()]
NUMBER = {name: at + 1 for at, name in enumerate(PUBLIC)}
SHARDS = [f"{i:02x}" for i in range(64)]


def key(shard, kind, rest=""):
    """Of a shard, "3f"; kind: as KEY in the schema has it ("dl", "b:", …)."""
    assert kind in {row[0] for row in S.of["KEY"]}, kind
    return f"tg:{{{shard}}}:{kind}{rest}"


def fields(record):
    """A record's public fields by name."""
    return dict(zip(PUBLIC, record.split("\n")[0].split("\t")))


# For scripts that run in Redis: FIELD.name is the place of a public field; public_fields(record)
# lists them; head_of(key) is the size of the record when its only chunk stands behind it in the
# same string, or nil, and the state.
LUA = f"""
local FIELD = {{{", ".join(f"{n} = {i}" for n, i in NUMBER.items())}}}
local function public_fields(record)
  local found = {{}}
  for f in string.gmatch(string.match(record, '^[^\\n]*') .. '\\t', '([^\\t]*)\\t') do
    found[#found + 1] = f
  end
  return found
end
local function head_of(key)
  local f = public_fields(redis.call('GETRANGE', key, 0, {S.constants["HEAD_MAX_BYTES"] - 1}))
  local head = tonumber(f[FIELD.hd] or f[2]) -- a pending record has but its state and that
  if head and (f[FIELD.st] == 'live' or f[FIELD.st] == 'pending') then
    return head, f[FIELD.st]
  end
end
"""

# The keys of strings that hold blob bytes: chunks that are keys of their own, and records with
# their only chunk behind them.
HOLDS_BYTES = LUA + """
local found = redis.call('KEYS', 'tg:{*}:c:*')
for _, key in ipairs(redis.call('KEYS', 'tg:{*}:b:*')) do
  local head = head_of(key)
  if head and redis.call('STRLEN', key) > head then found[#found + 1] = key end
end
return found
"""

if __name__ == "__main__":
    print(HOLDS_BYTES)  # for scripts: redis-cli EVAL "$(store_form.py)" 0
