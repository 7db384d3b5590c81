#!lua name=timeglas_1
-- base.lua: what all functions share: codes, limits, the store's clock, answers, the deadline index, chunks and events.
--
-- The library is these files, one behind the other, in the order that the Makefile names. Every transition of a session or a blob is one atomic call:
-- state, deadline index, tombstone and event change together. No blob byte passes through here (no GET of a chunk): the Lua heap is never wiped.
-- Keys, records, answers, events: docs/store.md.
--
-- keys[1] is always the shard's deadline index, "tg:{NN}:dl"; all other keys are derived from it and share its slot.
-- An answer is text: lines that end at LF, the first of them 0 or the number of a TG_E... code (include/timeglas/errors.h); a line that is a record has
-- fields with a TAB between them. A table would cost a buffer of 16 KiB for each answer, which Redis makes, trims and (here) wipes; only outbox, which is
-- rare, answers with one. An error reply is always Redis's own. Numbers are made text once, by %d: Redis's own conversion of a Lua number goes by way of %.17g.
-- An incompatible change needs a new library name and new function names: two servers of different versions may share one Redis.

local OK, ENOENT, ETIMEOUT, ECLAIMED, EINFLIGHT, EGONE, ETTL, ESESSION = '0', '5', '7', '8', '9', '10', '18', '19'
local EPROCESSOR, EREUSED, EQUOTA, ESTORE, ECOMPARE = '21', '22', '23', '27', '34'

local TOMBSTONE_MS = 86400000     -- TG_TOMBSTONE_S
local TOMBSTONE = '86400000'      -- the same, as SET takes it
local STAGED_MS = 30000           -- an upload from which nothing comes for that long is aborted
local STALLED_MS = 60000          -- a worker that stalled in an aborted upload may still write that long
local TAKING_MS = 60000           -- a take is ended that long after its last sign of life
local CHUNK_BYTES = 327000        -- STORE_CHUNK_LARGE_BYTES: no chunk has more
local BOUND_BLOBS = 32            -- TG_SESSION_BOUND_BLOBS
local BOUND_BYTES = 134217728     -- TG_SESSION_BOUND_BYTES; also about what one close erases at most
local REAP_BYTES = 16777216       -- about what one reap erases at most, some 3 ms; a session's end may add BOUND_BYTES
local NET_MS = 50                 -- Redis's own expiry comes that long after the deadline; store_int.h has the same
local SWEEP_MS = 2000             -- what is due later than that a reaper learns from its own sweep, once a second
local SHOW_MAX = 1000             -- blobs listed of one session

-- Reads wait until a recorder has compared this store with its evidence (server.lua: f_compared). Both values live in this Redis process and are neither replicated nor kept: a
-- replica that was promoted, a restarted Redis, one that was synced anew from another and one whose library was replaced all begin with false. life names that beginning.
local life, compared = nil, false

local function text(number)
	return string.format('%d', number)
end

-- The clock that rules deadlines is Redis's TIME, but it never goes back: when TIME does, it goes on from where it was, and a reaper that
-- measures time by its own clock tells how much was missed since (reap). What was lost with these two numbers (a restart, a failover) is
-- found by the next reap.
local ahead_us, last_us = 0, 0

local function time_us(at_least_us)
	local t = redis.call('TIME')
	local us = tonumber(t[1]) * 1000000 + tonumber(t[2]) + ahead_us
	local floor = math.max(last_us, at_least_us or 0)
	if us < floor then
		ahead_us = ahead_us + floor - us
		us = floor
	end
	last_us = us
	return us
end

-- For Redis's own expiry, which knows TIME alone, and a TIME later than the one that this call began with: PEXPIREAT erases at once what is past by then.
-- It is the net, and must not be first.
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

-- what: names and values in turn, a TAB between all of them. One field of a stream entry, because each costs its writer and every reader.
local function event(p, what)
	local id = redis.call('XADD', p .. 'out', '*', 'p', what)
	return string.sub(p, 5, 6) .. '-' .. id
end

-- Enters a thing in the index, or moves it. A reaper that may sleep for longer is told.
local function index(p, member, at, now)
	redis.call('ZADD', p .. 'dl', text(at), member)
	if at - now < SWEEP_MS and redis.call('ZRANGE', p .. 'dl', '0', '0')[1] == member then
		redis.call('PUBLISH', 'tg:due', string.format('%s %d', string.sub(p, 5, 6), at - now))
	end
end

-- Unlinks chunks first..first+count-1; returns how many there were.
local function unlink(p, id, first, count)
	local found = 0
	for from = first, first + count - 1, 128 do
		local keys = {}
		for i = from, math.min(from + 127, first + count - 1) do
			keys[#keys + 1] = p .. 'c:' .. id .. ':' .. i
		end
		found = found + redis.call('UNLINK', unpack(keys))
	end
	return found
end

-- For uploads whose number of chunks is only known as "about n": goes on until nothing is found. Returns how many there were.
local function unlink_all(p, id, n)
	local found, more = unlink(p, id, 0, n)
	repeat
		more = unlink(p, id, n, 64)
		found, n = found + more, n + 64
	until more == 0
	return found
end

-- Writes for this upload may still come: what they leave is wiped at that time. n: chunks 0..n-1 at least are looked for.
local function trap(p, id, n, at)
	redis.call('ZADD', p .. 'dl', text(at), 'x:' .. id .. ':#' .. n)
end

-- Sets the chunks' final expiry. Returns whether all n are there, and have size bytes together.
local function seal_chunks(p, id, n, size, deadline)
	local total, at = 0, wall_ms(deadline)
	for i = 0, n - 1 do
		local key = p .. 'c:' .. id .. ':' .. i
		if redis.call('PEXPIREAT', key, at) == 0 then
			return false
		end
		total = total + redis.call('STRLEN', key)
	end
	return total == size
end
