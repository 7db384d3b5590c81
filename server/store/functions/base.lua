-- base.lua: what all functions share: codes, limits, the store's clock, answers, the deadline
-- index, chunks and events.
--
-- The library is schema.lua (made of server/store/schema.def: codes, constants, a record's and an
-- event's form), these files, and register.lua (made likewise), one behind the other, in the order
-- that the Makefile names. Every transition of a session or a blob is one atomic call: state,
-- deadline index, tombstone and event change together. No blob byte passes through here (no GET of
-- a chunk): the Lua heap is never wiped. Keys, records, answers, events: docs/store.md.
--
-- keys[1] is always the shard's deadline index, "tg:{NN}:dl"; all other keys are derived from it
-- and share its slot. An answer is text: lines that end at LF, the first of them 0 or the number of
-- a TG_E... code (include/timeglas/errors.h); a line that is a record has fields with a TAB between
-- them. A table would cost a buffer of 16 KiB for each answer, which Redis makes, trims and (here)
-- wipes; only outbox, which is rare, answers with one. An error reply is always Redis's own.
-- Numbers are made text once, by %d: Redis's own conversion of a Lua number goes by way of %.17g.
--
-- Redis does not roll back: a command that is refused within a function (a right that was taken
-- away, a key of another type) ends it, and what it did before stays. So every transition has this
-- order, and whoever comes later finds what is left to do:
-- 1. the index entry that will lead a reaper there (back, if step 2 fails and the reaper would come
--    too early);
-- 2. the event, and right behind it, by must(), the record that says the same: the event is taken
--    back when the record is refused. Nothing else may stand between;
-- 3. what follows from the record: bytes erased, a session's list and account;
-- 4. the index entry taken away, last. A reaper that meets a record or a session which has ended
--    goes on with what is left of it.
-- So no end is told of twice, and nothing vanishes without an event. PUBLISH is a hint and may
-- fail. Rights are looked at beforehand, too: server.lua. An incompatible change needs a new
-- library name and new function names: two servers of different versions may share one Redis.

-- Reads wait until a recorder has compared this store with its evidence (server.lua: F.compared).
-- Both values live in this Redis process and are neither replicated nor kept: a replica that was
-- promoted, a restarted Redis, one that was synced anew from another and one whose library was
-- replaced all begin with false. life names that beginning.
local life, compared = nil, false

-- A primary that became a replica, and went on from where it was (a planned failover), keeps both;
-- when it is promoted later it may lack the last of what it followed. So it begins anew when it
-- follows another, or did since (server.lua: begin_anew). replication: the id of the history that
-- it was in when it was last seen.
local replication

local function text(number)
	return string.format('%d', number)
end

-- The clock that rules deadlines is Redis's TIME, but it never goes back: when TIME does, it goes
-- on from where it was, and a reaper that measures time by its own clock tells how much was missed
-- since (reap). What was lost with these two numbers (a restart, a failover) is found by the next
-- reap.
local ahead_us, last_us = 0, 0

-- What this call may still erase, in bytes. Every function asks for the time before it changes
-- anything, and that fills it.
local room = 0

local function time_us(at_least_us)
	local t = redis.call('TIME')
	room = SLICE_BYTES
	local us = tonumber(t[1]) * 1000000 + tonumber(t[2]) + ahead_us
	local floor = math.max(last_us, at_least_us or 0)
	if us < floor then
		ahead_us = ahead_us + floor - us
		us = floor
	end
	last_us = us
	return us
end

-- A deadline in the form for Redis's own expiry. That knows TIME alone, and a TIME later than the
-- one that this call began with: PEXPIREAT erases at once what is past by then. It is the second
-- line of defence, NET_MS behind the deadline, and must not come first.
local function wall_ms(ms)
	return text(ms + NET_MS - math.floor(ahead_us / 1000))
end

local function time_ms(us)
	return math.floor(us / 1000)
end

-- "tg:{NN}:" of "tg:{NN}:dl"
local function prefix(keys)
	return string.sub(keys[1], 1, -3)
end

-- what: names and values in turn, a TAB between all of them. One field of a stream entry, because
-- each costs its writer and every reader.
local function event(p, what)
	return redis.call('XADD', p .. 'out', '*', 'p', what)
end

-- What events are called outside.
local function event_name(p, ev)
	return string.sub(p, 5, 6) .. '-' .. ev
end

-- What the event ev tells of was refused: r is pcall's answer to the command that would have done
-- it. The event is taken back, and the function ends.
local function must(p, ev, r)
	if type(r) == 'table' and r.err then
		redis.pcall('XDEL', p .. 'out', ev)
		error(r)
	end
end

-- A hint, for which nothing else may fail.
local function tell_due(p, in_ms)
	redis.pcall('PUBLISH', 'tg:due', string.format('%s %d', string.sub(p, 5, 6), math.max(0,
		in_ms)))
end

-- Enters a thing in the index, or moves it. A reaper that may sleep for longer is told.
local function index(p, member, at, now)
	redis.call('ZADD', p .. 'dl', text(at), member)
	if at - now < SWEEP_MS and redis.call('ZRANGE', p .. 'dl', '0', '0')[1] == member then
		tell_due(p, at - now)
	end
end

-- Unlinks chunks first..first+count-1, UNLINK_KEYS at most; returns how many there were.
local function unlink(p, id, first, count)
	local keys = {}
	for i = first, first + count - 1 do
		keys[#keys + 1] = p .. 'c:' .. id .. ':' .. i
	end
	return redis.call('UNLINK', unpack(keys))
end

-- Unlinks chunks from..n-1, and with open true, for an upload whose number of chunks is only known
-- as "about n", goes on until UNLINK_KEYS in a row are not there. As far as this call may: the rest
-- waits in the index, due before everything else.
local function erase_chunks(p, id, from, n, open)
	-- all but the last have as much; the first may have been taken
	local size = redis.call('STRLEN', p .. 'c:' .. id .. ':' .. from)
	if size == 0 then
		size = CHUNK_LARGE_BYTES
	end
	while open or from < n do
		if room <= 0 then
			redis.call('ZADD', p .. 'dl', '0', 'e:' .. id .. ':' .. from .. ':#' .. n)
			tell_due(p, 0)
			return
		end
		local count = math.max(1, math.min(UNLINK_KEYS, math.ceil(room / size)))
		if not open then
			count = math.min(count, n - from)
		end
		local found = unlink(p, id, from, count)
		room = room - found * size - count * KEY_BYTES
		from = from + count
		if open and found == 0 and from >= n + UNLINK_KEYS then
			return
		end
	end
end

-- Goes on with what an earlier call left over.
local function erase_more(p, member)
	local id, from, n = string.match(member, '^e:(.+):(%d+):#(%d+)$')
	if id then
		erase_chunks(p, id, tonumber(from), tonumber(n), true)
	end
	redis.call('ZREM', p .. 'dl', member)
end

-- With all that earlier calls left over, as far as this one may. Returns whether there may be more.
local function erase_left(p)
	while room > 0 do
		local member = redis.call('ZRANGEBYSCORE', p .. 'dl', '0', '0', 'LIMIT', '0',
			'1')[1]
		if not member then
			return false
		end
		erase_more(p, member)
	end
	return true
end

-- The same with what is left of one blob. Returns whether all of it is gone.
local function erase_left_of(p, id)
	for _, member in ipairs(redis.call('ZRANGEBYSCORE', p .. 'dl', '0', '0')) do
		if string.match(member, '^e:([^:]+):%d+:#') == id then
			if room <= 0 then
				return false
			end
			erase_more(p, member)
		end
	end
	return room > 0
end

-- Writes for this upload may still come: what they leave is wiped at that time. n: chunks 0..n-1 at
-- least are looked for. kind 'u': its commit may come as well, of which nobody is told.
local function late_sweep(p, id, n, at, kind)
	redis.call('ZADD', p .. 'dl', text(at), (kind or 'x') .. ':' .. id .. ':#' .. n)
end

-- Are all n chunks there, and have they size bytes together? (None is empty.)
local function have_chunks(p, id, n, size)
	local total = 0
	for i = 0, n - 1 do
		local len = redis.call('STRLEN', p .. 'c:' .. id .. ':' .. i)
		if len == 0 then
			return false
		end
		total = total + len
	end
	return total == size
end

-- Sets the chunks' final expiry, for the case that no reaper comes. Returns whether all were there.
local function seal_chunks(p, id, n, deadline)
	local found, at = 0, wall_ms(deadline)
	for i = 0, n - 1 do
		found = found + redis.call('PEXPIREAT', p .. 'c:' .. id .. ':' .. i, at)
	end
	return found == n
end
