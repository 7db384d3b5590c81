#!lua name=timeglas_1
-- functions.lua: every transition of a session or a blob, each one atomic call: state, deadline index, tombstone and event change together.
-- No blob byte passes through here (no GET of a chunk): the Lua heap is never wiped. Keys, fields, events: docs/store.md.
--
-- keys[1] is always the shard's deadline index, "tg:{NN}:dl"; all other keys are derived from it and share its slot.
-- A reply is an array that opens with 0 or the number of a TG_E... code (include/timeglas/errors.h); an error reply is always Redis's own.
-- An incompatible change needs a new library name and new function names: two servers of different versions may share one Redis.

local ENOENT, ETIMEOUT, ECLAIMED, EINFLIGHT, EGONE, ETTL, ESESSION = 5, 7, 8, 9, 10, 18, 19
local EPROCESSOR, EREUSED, EQUOTA, ESTORE = 21, 22, 23, 27

local TOMBSTONE_MS = 86400000     -- TG_TOMBSTONE_S
local STAGED_MS = 30000           -- an upload from which nothing comes for that long is aborted
local STALLED_MS = 60000          -- a worker that stalled in an aborted upload may still write that long
local TAKING_MS = 60000           -- a take is ended that long after its last sign of life
local LEFTOVER_MS = 2000          -- the chunk of a one-chunk take is wiped then if its GETDEL never came
local BOUND_BLOBS = 32            -- TG_SESSION_BOUND_BLOBS
local BOUND_BYTES = 134217728     -- TG_SESSION_BOUND_BYTES; also about what one close erases at most
local REAP_BYTES = 16777216       -- about what one reap erases at most, some 3 ms; a session's end may add BOUND_BYTES
local SWEEP_MS = 2000             -- what is due later than that a reaper learns from its own sweep, once a second
local SHOW_MAX = 1000             -- blobs listed of one session

local BLOB = {'st', 'u', 'to', 's', 'b', 'n', 'z', 'at', 'dl', 'd', 'p', 'c', 'ga', 'ev', 'tk', 'w',
	'th', 'ld', 'cs', 'ck', 'ak', 'kn'}
local RECORD = 14                 -- so many of them are told outside
local REAPED = {'st', 'u', 's', 'b', 'n', 'z', 'dl', 'd', 'tk', 'w', 'th'} -- what an end needs to know
local PASSED = {'s', 'b', 'n', 'z', 'at', 'dl', 'p', 'tk', 'ld', 'cs', 'ck', 'kn'} -- what a tombstone has no more; of d it keeps the ref
local SESSION = {'st', 'u', 'ref', 'at', 'dl', 'idl', 'idle', 'n', 'z', 'h', 'ga'}

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

-- For Redis's own expiry, which knows TIME alone. Rounded up: it is the net, and must not be first.
local function wall_ms(ms)
	return ms - math.floor(ahead_us / 1000)
end

local function time_ms(us)
	return math.floor(us / 1000)
end

-- "tg:{NN}:" of "tg:{NN}:dl"
local function prefix(keys)
	return string.sub(keys[1], 1, -3)
end

local function event(p, ...)
	local id = redis.call('XADD', p .. 'out', '*', ...)
	return string.sub(p, 5, 6) .. '-' .. id
end

local function load(p, id, fields)
	fields = fields or BLOB
	local v = redis.call('HMGET', p .. 'b:' .. id, unpack(fields))
	if not v[1] then
		return nil
	end
	local b = {id = id}
	for i, name in ipairs(fields) do
		b[name] = v[i] or ''
	end
	return b
end

local function record(b)
	local r = {b.id}
	for i = 1, RECORD do
		r[i + 1] = b[BLOB[i]]
	end
	return r
end

local function session_record(s)
	return {s.id, s.st, s.u, s.ref, s.at, s.dl, s.idl, s.idle, s.ga}
end

-- Enters a thing in the index, or moves it. A reaper that may sleep for longer is told.
local function index(p, member, at, now)
	redis.call('ZADD', p .. 'dl', at, member)
	if at - now < SWEEP_MS and redis.call('ZRANGE', p .. 'dl', 0, 0)[1] == member then
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

-- For uploads whose number of chunks is only known as "about n": goes on until nothing is found.
local function unlink_all(p, id, n)
	unlink(p, id, 0, n)
	while unlink(p, id, n, 64) > 0 do
		n = n + 64
	end
end

local function unlink_taken(p, id, token)
	redis.call('UNLINK', p .. 'c:' .. token .. ':' .. id .. ':0')
end

-- Writes for this upload may still come: what they leave is wiped at that time. n: chunks 0..n-1 at least are looked for.
local function trap(p, id, n, at)
	redis.call('ZADD', p .. 'dl', at, 'x:' .. id .. ':#' .. n)
end

-- The upload ends without ever having been visible: no tombstone, only the event.
local function drop_staged(p, b, now, stalled)
	redis.call('DEL', p .. 'b:' .. b.id)
	redis.call('ZREM', p .. 'dl', 'b:' .. b.id)
	if b.s ~= '' then
		redis.call('ZREM', p .. 'sb:' .. b.s, b.id)
	end
	unlink_all(p, b.id, tonumber(b.n))
	if stalled then
		trap(p, b.id, b.n, now + STALLED_MS)
	end
	event(p, 'e', 'aborted', 'd', b.d, 'u', b.u, 'at', now)
end

-- Ends a visible blob: its chunks are gone when this returns. due_ms: the deadline that ended it, nil for none. Whatever ends a take that has begun,
-- its reader has had bytes: that is `consumed`, or an interception could be hidden behind an erasure (of a claim, an event tells). outcome: what a
-- claim's ack said. b.batch: of a reap, which unlinks its blobs' only chunks, and takes them from the index, all at once at its end.
local function finish(p, b, cause, who, us, due_ms, outcome)
	local now, key, batch = time_ms(us), p .. 'b:' .. b.id, b.batch
	if b.st == 'taking' then
		cause, who = 'consumed', b.w
	end
	if batch and b.n == '1' then
		batch.keys[#batch.keys + 1] = p .. 'c:' .. b.id .. ':0'
	else
		unlink(p, b.id, 0, tonumber(b.n))
	end
	if b.tk ~= '' then
		unlink_taken(p, b.id, b.tk)
	end
	local late = due_ms and math.max(0, us - due_ms * 1000) or ''
	b.ev = event(p, 'e', 'gone', 'd', b.d, 'c', cause, 'o', outcome or '', 'u', b.u, 'w', who, 'z', b.z, 'dl', b.dl, 'late', late, 'at', now)
	b.st, b.c, b.ga = 'gone', cause, string.format('%d', now)
	redis.call('HSET', key, 'st', 'gone', 'c', cause, 'ga', now, 'ev', b.ev, 'd', string.match(b.d, '^%S*'))
	redis.call('HDEL', key, unpack(PASSED))
	if b.th == '' and b.w ~= '' then -- else the claimant, and nobody else, is told of the claim's end
		redis.call('HDEL', key, 'w')
	end
	if due_ms ~= tonumber(b.dl) then -- otherwise commit has set it so
		redis.call('PEXPIRE', key, TOMBSTONE_MS)
	end
	if batch then
		batch.members[#batch.members + 1] = 'b:' .. b.id
	else
		redis.call('ZREM', p .. 'dl', 'b:' .. b.id)
	end
	if b.s ~= '' then
		redis.call('ZADD', p .. 'sb:' .. b.s, 'XX', 2, b.id)
		if b.b == '1' and redis.call('HGET', p .. 's:' .. b.s, 'st') == 'open' then
			redis.call('HINCRBY', p .. 's:' .. b.s, 'n', -1)
			redis.call('HINCRBY', p .. 's:' .. b.s, 'z', '-' .. b.z)
		end
	end
	return late
end

local DUE_CAUSE = {live = 'expired', taking = 'consumed', claimed = 'lease-expired'}

-- A visible blob whose time is over although no reaper came by yet ends here. Returns b.
local function settle(p, b, us)
	if b and b.st ~= 'gone' and b.st ~= 'staged' then
		local due = tonumber(b.st == 'claimed' and b.ld or b.dl)
		if time_ms(us) >= due then
			finish(p, b, DUE_CAUSE[b.st], b.w, us, due)
		end
	end
	return b
end

-- Ends an open session and the blobs bound to it; returns those that were visible.
local function session_end(p, s, state, cause, us, due_ms)
	local now, ended, lates = time_ms(us), {}, {}
	s.st, s.ga = state, string.format('%d', now)
	redis.call('HSET', p .. 's:' .. s.id, 'st', state, 'ga', s.ga)
	redis.call('HDEL', p .. 's:' .. s.id, 'ref', 'n', 'z')
	redis.call('PEXPIRE', p .. 's:' .. s.id, TOMBSTONE_MS)
	redis.call('PEXPIRE', p .. 'sb:' .. s.id, TOMBSTONE_MS)
	redis.call('ZREM', p .. 'dl', 's:' .. s.id)
	for _, id in ipairs(redis.call('ZRANGEBYSCORE', p .. 'sb:' .. s.id, 1, 1)) do
		local b = load(p, id)
		if b and b.st == 'staged' then
			drop_staged(p, b, now, true)
		elseif b and b.st ~= 'gone' then
			lates[#lates + 1] = finish(p, b, cause, '', us, due_ms)
			ended[#ended + 1] = b
		end
	end
	event(p, 'e', 'session-end', 's', s.h, 'c', cause, 'u', s.u, 'dl', s.dl, 'at', now)
	return ended, lates
end

local function session_due(s)
	return math.min(tonumber(s.dl), tonumber(s.idl))
end

local function session_end_due(p, s, us)
	if time_ms(us) >= tonumber(s.dl) then
		return session_end(p, s, 'expired', 'session-expired', us, tonumber(s.dl))
	end
	return session_end(p, s, 'idle', 'session-idle', us, tonumber(s.idl))
end

-- nil: no such session. One whose time is over ends here.
local function session_load(p, sid, us)
	local v = redis.call('HMGET', p .. 's:' .. sid, unpack(SESSION))
	if not v[1] then
		return nil
	end
	local s = {id = sid}
	for i, name in ipairs(SESSION) do
		s[name] = v[i] or ''
	end
	if s.st == 'open' and time_ms(us) >= session_due(s) then
		session_end_due(p, s, us)
	end
	return s
end

-- A blob as it stands now: ended first if its own time, or that of the session it is bound to, is over. Second: its session.
local function load_settled(p, id, us)
	local b = load(p, id)
	if not b or b.st == 'staged' then
		return nil
	end
	local s = b.s ~= '' and b.st ~= 'gone' and session_load(p, b.s, us) or nil
	if b.b == '1' and s and s.st ~= 'open' then
		b = load(p, id)
	end
	return settle(p, b, us), s
end

local function session_bump(p, s, now)
	s.idl = string.format('%d', math.min(tonumber(s.dl), now + tonumber(s.idle)))
	redis.call('HSET', p .. 's:' .. s.id, 'idl', s.idl)
	index(p, 's:' .. s.id, tonumber(s.idl), now)
end

local function session_open_for(p, sid, uploader, us)
	local s = session_load(p, sid, us)
	if s and s.st == 'open' and s.u == uploader then
		return s
	end
	return nil
end

-- time: {0, ms}
local function f_time()
	return {0, time_ms(time_us())}
end

-- session_open sid uploader subject_ref idle_ms length_ms: {0, session}
local function f_session_open(keys, args)
	local p, sid, now = prefix(keys), args[1], time_ms(time_us())
	local dl = now + tonumber(args[5])
	local idl = math.min(dl, now + tonumber(args[4]))
	local h = string.sub(redis.sha1hex(sid), 1, 16)
	redis.call('HSET', p .. 's:' .. sid, 'st', 'open', 'u', args[2], 'ref', args[3], 'at', now, 'dl', dl, 'idl', idl,
		'idle', args[4], 'n', 0, 'z', 0, 'h', h)
	redis.call('PEXPIREAT', p .. 's:' .. sid, wall_ms(dl + TOMBSTONE_MS))
	index(p, 's:' .. sid, idl, now)
	event(p, 'e', 'session-open', 's', h, 'u', args[2], 'dl', dl, 'at', now)
	local f = function(v) return string.format('%d', v) end
	return {0, {sid, 'open', args[2], args[3], f(now), f(dl), f(idl), args[4], ''}}
end

-- session_touch sid uploader: {0 | EGONE, session} | {ENOENT}
local function f_session_touch(keys, args)
	local p, us = prefix(keys), time_us()
	local s = session_load(p, args[1], us)
	if not s or s.u ~= args[2] then
		return {ENOENT}
	end
	if s.st ~= 'open' then
		return {EGONE, session_record(s)}
	end
	session_bump(p, s, time_ms(us))
	return {0, session_record(s)}
end

-- session_check sid uploader: {0} | {ESESSION}: may an upload name it? Looks only.
local function f_session_check(keys, args)
	local v = redis.call('HMGET', prefix(keys) .. 's:' .. args[1], 'st', 'u', 'dl', 'idl')
	local now = time_ms(time_us())
	if v[1] == 'open' and v[2] == args[2] and now < tonumber(v[3]) and now < tonumber(v[4]) then
		return {0}
	end
	return {ESESSION}
end

-- session_show sid: {0, session, 0, blob...} | {ENOENT}. Live ones first, at most SHOW_MAX.
local function f_session_show(keys, args)
	local p, us = prefix(keys), time_us()
	local s = session_load(p, args[1], us)
	if not s then
		return {ENOENT}
	end
	local r = {0, session_record(s), 0}
	for _, id in ipairs(redis.call('ZRANGE', p .. 'sb:' .. s.id, 0, SHOW_MAX - 1)) do
		local b = settle(p, load(p, id), us)
		if b and b.st ~= 'staged' then
			r[#r + 1] = record(b)
		end
	end
	return r
end

-- session_close sid uploader all max: {0, session, more, blob...} | {ENOENT}. uploader '': an operator. all '1': the blobs that are
-- not bound go, too, up to max of them by this call; more 1: call again. The session is marked closed first.
local function f_session_close(keys, args)
	local p, us, max = prefix(keys), time_us(), tonumber(args[4])
	local s = session_load(p, args[1], us)
	if not s or (args[2] ~= '' and s.u ~= args[2]) then
		return {ENOENT}
	end
	local ended, more, bytes = {}, 0, 0
	if s.st == 'open' then
		ended = session_end(p, s, 'closed', 'session-closed', us)
	end
	if args[3] == '1' then
		local ids = redis.call('ZRANGEBYSCORE', p .. 'sb:' .. s.id, 0, 0, 'LIMIT', 0, max + 1)
		for i, id in ipairs(ids) do
			if i > max or bytes > BOUND_BYTES then
				more = 1
				break
			end
			local b = settle(p, load(p, id), us)
			if not b then
				redis.call('ZREM', p .. 'sb:' .. s.id, id)
			elseif b.st == 'staged' then
				drop_staged(p, b, time_ms(us), true)
			elseif b.st ~= 'gone' then
				finish(p, b, 'session-closed', args[2], us)
				ended[#ended + 1] = b
				bytes = bytes + tonumber(b.z)
			end
		end
	end
	local r = {0, session_record(s), more}
	for _, b in ipairs(ended) do
		r[#r + 1] = record(b)
	end
	return r
end

-- stage id uploader sid bound first n left_ms d: {0} | {ESESSION} | {ETIMEOUT}. Enters an upload of several chunks in the index
-- (first '1') or keeps it there. n: no chunk has a higher number yet than n - 1. left_ms: until the first byte's time to live is over.
local function f_stage(keys, args)
	local p, id, sid, us = prefix(keys), args[1], args[3], time_us()
	local now, left = time_ms(us), tonumber(args[7])
	local b = load(p, id)
	if args[5] ~= '1' and not (b and b.st == 'staged') then
		return {ETIMEOUT} -- a reaper was quicker
	end
	if sid ~= '' then
		local s = session_open_for(p, sid, args[2], us)
		if not s then
			-- the chunk that stands behind this call in the pipeline arrives all the same
			trap(p, id, 1, now + math.min(STAGED_MS, left))
			return {ESESSION}
		end
		session_bump(p, s, now)
		redis.call('ZADD', p .. 'sb:' .. sid, args[4] == '1' and 1 or 0, id)
		redis.call('PEXPIREAT', p .. 'sb:' .. sid, wall_ms(tonumber(s.dl) + TOMBSTONE_MS))
	end
	redis.call('HSET', p .. 'b:' .. id, 'st', 'staged', 'u', args[2], 's', sid, 'b', args[4], 'n', args[6], 'd', args[8])
	redis.call('PEXPIREAT', p .. 'b:' .. id, wall_ms(now + left + TOMBSTONE_MS))
	redis.call('ZADD', p .. 'dl', now + math.min(STAGED_MS, left), 'b:' .. id)
	return {0}
end

-- Sets the chunks' final expiry. Returns whether all n are there, and have size bytes together.
local function seal_chunks(p, id, n, size, deadline)
	local total = 0
	for i = 0, n - 1 do
		local key = p .. 'c:' .. id .. ':' .. i
		if redis.call('PEXPIREAT', key, wall_ms(deadline)) == 0 then
			return false
		end
		total = total + redis.call('STRLEN', key)
	end
	return total == size
end

-- commit id uploader to sid bound n size ttl_ms age_ms d p: {0, blob} | {ESESSION | ETTL | EQUOTA | ESTORE | ETIMEOUT}. Refused: nothing is left.
local function f_commit(keys, args)
	local p, id, uploader, sid, bound = prefix(keys), args[1], args[2], args[4], args[5]
	local n, size, us = tonumber(args[6]), tonumber(args[7]), time_us()
	local now = time_ms(us)
	local staged = load(p, id)
	local s = sid ~= '' and session_open_for(p, sid, uploader, us) or nil
	if staged then
		staged = load(p, id) -- the session's end may have dropped it
		if not staged then
			unlink(p, id, 0, n)
			return {ESESSION}
		end
	end
	local deadline = now - tonumber(args[9]) + tonumber(args[8])
	if bound == '1' and s then
		deadline = math.min(deadline, tonumber(s.dl))
	end

	local err
	if sid ~= '' and not s then
		err = ESESSION
	elseif now >= deadline then
		err = ETTL
	elseif bound == '1' and (tonumber(s.n) >= BOUND_BLOBS or tonumber(s.z) + size > BOUND_BYTES) then
		err = EQUOTA
	elseif n > 1 and not staged then
		err = ETIMEOUT
	elseif not seal_chunks(p, id, n, size, deadline) then
		err = ESTORE
	end
	if err then
		unlink(p, id, 0, n)
		redis.call('ZREM', p .. 'dl', 'b:' .. id)
		if staged then
			drop_staged(p, staged, now, false)
		end
		return {err}
	end

	redis.call('HSET', p .. 'b:' .. id, 'st', 'live', 'u', uploader, 'to', args[3], 's', sid, 'b', bound, 'n', n, 'z', size,
		'at', now, 'dl', deadline, 'd', args[10], 'p', args[11])
	redis.call('PEXPIREAT', p .. 'b:' .. id, wall_ms(deadline + TOMBSTONE_MS))
	index(p, 'b:' .. id, deadline, now)
	if s then
		session_bump(p, s, now)
		if bound == '1' then
			redis.call('HINCRBY', p .. 's:' .. sid, 'n', 1)
			redis.call('HINCRBY', p .. 's:' .. sid, 'z', size)
		end
		redis.call('ZADD', p .. 'sb:' .. sid, bound == '1' and 1 or 0, id)
		redis.call('PEXPIREAT', p .. 'sb:' .. sid, wall_ms(tonumber(s.dl) + TOMBSTONE_MS))
	end
	event(p, 'e', 'stored', 'd', args[10], 'u', uploader, 'to', args[3], 's', bound == '1' and s.h or '', 'z', size, 'dl', deadline, 'at', now)
	local f = function(v) return string.format('%d', v) end
	return {0, {id, 'live', uploader, args[3], sid, bound, args[6], args[7], f(now), f(deadline), args[10], args[11], '', '', ''}}
end

-- abort id n later_ms unknown: {0}: an upload that is not going to be committed. later_ms: its writes may still be on their way for that
-- long. unknown '1': its commit was sent, and nobody has been told the answer: should it be live, it ends, too; unless its uploader has asked
-- again by its Idempotency-Key and learned of it since.
local function f_abort(keys, args)
	local p, id, us = prefix(keys), args[1], time_us()
	local now, b = time_ms(us), load(p, id)
	if b and b.st == 'live' and args[4] == '1' and b.kn == '' then
		finish(p, b, 'aborted', '', us)
		return {0}
	end
	if b and b.st ~= 'staged' then
		return {0}
	end
	unlink(p, id, 0, tonumber(args[2]))
	redis.call('ZREM', p .. 'dl', 'b:' .. id, 'x:' .. id .. ':#1')
	if b then
		drop_staged(p, b, now, false)
	end
	if args[3] ~= '0' then
		trap(p, id, args[2], now + tonumber(args[3]))
	end
	return {0}
end

local function addressed(b, peer)
	return string.find(b.to, ' ' .. peer .. ' ', 1, true)
end

-- take id peer token: {0, blob} | {EGONE, blob} | {ECLAIMED, blob} | {ENOENT}. Chunk 0 is moved to a key that only this take knows. A blob of
-- one chunk has ended then; the index keeps x:<id>:<token> until the caller has read and deleted that key.
local function f_take(keys, args)
	local p, id, peer, token, us = prefix(keys), args[1], args[2], args[3], time_us()
	local now, b, s = time_ms(us), load_settled(p, id, us)
	if not b or not addressed(b, peer) then
		return {ENOENT}
	end
	if b.st == 'gone' then
		return {EGONE, record(b)}
	end
	if b.st ~= 'live' then
		return {ECLAIMED, record(b)}
	end
	local moved = redis.pcall('RENAME', p .. 'c:' .. id .. ':0', p .. 'c:' .. token .. ':' .. id .. ':0')
	if moved.err then
		finish(p, b, 'store-lost', peer, us)
		return {EGONE, record(b)}
	end
	if s and s.st == 'open' then
		session_bump(p, s, now)
	end
	if b.n == '1' then
		redis.call('ZADD', p .. 'dl', now + LEFTOVER_MS, 'x:' .. id .. ':' .. token)
		finish(p, b, 'consumed', peer, us)
		return {0, record(b)}
	end
	b.st = 'taking'
	redis.call('HSET', p .. 'b:' .. id, 'st', 'taking', 'tk', token, 'w', peer)
	redis.call('ZADD', p .. 'dl', math.min(tonumber(b.dl), now + TAKING_MS), 'b:' .. id)
	event(p, 'e', 'taking', 'd', b.d, 'w', peer, 'z', b.z, 'at', now)
	return {0, record(b)}
end

-- take_more id token: {0} | {EGONE}: a take of several chunks is still alive.
local function f_take_more(keys, args)
	local p, us = prefix(keys), time_us()
	local b = settle(p, load(p, args[1]), us)
	if not b or b.st ~= 'taking' or b.tk ~= args[2] then
		return {EGONE}
	end
	redis.call('ZADD', p .. 'dl', math.min(tonumber(b.dl), time_ms(us) + TAKING_MS), 'b:' .. b.id)
	return {0}
end

-- take_end id token: {0, blob} | {EGONE}: it has read all it wants; the rest is erased.
local function f_take_end(keys, args)
	local p = prefix(keys)
	local b = load(p, args[1])
	if not b or b.st ~= 'taking' or b.tk ~= args[2] then
		return {EGONE}
	end
	finish(p, b, 'consumed', b.w, time_us())
	return {0, record(b)}
end

-- claim id peer lease_ms th salt ck processor: {0, blob, lease deadline, salt, repeated} | {EGONE, blob} | {ECLAIMED, blob} | {EPROCESSOR} |
-- {ENOENT}. th: the hash of the token's secret, which is all that is kept of it. ck: peer and Idempotency-Key hashed, '' none; then salt is what
-- the caller derives the secret from, and who repeats the claim under the same key is given it again. processor '1': a foreign passport or nothing.
local function f_claim(keys, args)
	local p, id, peer, ck, us = prefix(keys), args[1], args[2], args[6], time_us()
	local now, b, s = time_ms(us), load_settled(p, id, us)
	if not b or not addressed(b, peer) then
		return {ENOENT}
	end
	if b.st == 'gone' then
		return {EGONE, record(b)}
	end
	if args[7] == '1' and string.sub(b.d, -11) ~= ' passport 0' then
		return {EPROCESSOR}
	end
	if b.st == 'claimed' and ck ~= '' and b.ck == ck then
		return {0, record(b), b.ld, b.cs, 1}
	end
	if b.st ~= 'live' then
		return {ECLAIMED, record(b)}
	end
	local ld = math.min(tonumber(b.dl), now + tonumber(args[3]))
	if not seal_chunks(p, id, tonumber(b.n), tonumber(b.z), ld) then
		finish(p, b, 'store-lost', peer, us)
		return {EGONE, record(b)}
	end
	if s and s.st == 'open' then
		session_bump(p, s, now)
	end
	b.st, b.ld = 'claimed', string.format('%d', ld)
	redis.call('HSET', p .. 'b:' .. id, 'st', 'claimed', 'w', peer, 'th', args[4], 'ld', b.ld, 'cs', args[5], 'ck', ck)
	index(p, 'b:' .. id, ld, now)
	event(p, 'e', 'claimed', 'd', b.d, 'w', peer, 'z', b.z, 'dl', b.dl, 'ld', b.ld, 'at', now)
	return {0, record(b), b.ld, args[5], 0}
end

-- A claimant's blob, claimed or gone since; nil: no such claim, or another's. Second: its session.
local function load_claim(p, id, peer, th, us)
	local b, s = load_settled(p, id, us)
	if not b or b.th == '' or b.th ~= th or b.w ~= peer then
		return nil
	end
	return b, s
end

-- claim_read id peer th: {0, blob} | {EGONE, blob} | {ENOENT}: the claimant is about to read the chunks, which stay.
local function f_claim_read(keys, args)
	local p, us = prefix(keys), time_us()
	local b, s = load_claim(p, args[1], args[2], args[3], us)
	if not b then
		return {ENOENT}
	end
	if b.st == 'gone' then
		return {EGONE, record(b)}
	end
	if s and s.st == 'open' then
		session_bump(p, s, time_ms(us))
	end
	return {0, record(b)}
end

-- ack id peer th outcome ak: {0, blob, repeated} | {EGONE, blob} | {ENOENT}: the claimant is done; erased. ak: as claim's ck; repeated under it, the
-- answer is the same.
local function f_ack(keys, args)
	local p, ak, us = prefix(keys), args[5], time_us()
	local b = load_claim(p, args[1], args[2], args[3], us)
	if not b then
		return {ENOENT}
	end
	if b.st ~= 'gone' then
		redis.call('HSET', p .. 'b:' .. b.id, 'ak', ak)
		finish(p, b, 'consumed', b.w, us, nil, args[4])
		return {0, record(b), 0}
	end
	if ak == '' or b.ak ~= ak then
		return {EGONE, record(b)}
	end
	return {0, record(b), 1}
end

-- once_begin h what id old keep_ms: {0, id, age_ms, done}: what stands under an Idempotency-Key. h: peer and key, hashed; what: the request's
-- description, hashed: another one is {EREUSED}. The id that comes back is the caller's if nothing stood there, or if it was old, which the
-- caller knows to have come to nothing.
local function f_once_begin(keys, args)
	local key, now = prefix(keys) .. 'i:' .. args[1], time_ms(time_us())
	local v = redis.call('HMGET', key, 'f', 'id', 'at', 'done')
	if v[1] and v[1] ~= args[2] then
		return {EREUSED}
	end
	if v[1] and v[2] ~= args[4] then
		return {0, v[2], now - tonumber(v[3]), v[4]}
	end
	redis.call('HSET', key, 'f', args[2], 'id', args[3], 'at', now, 'done', 0)
	redis.call('PEXPIRE', key, TOMBSTONE_MS + tonumber(args[5]))
	return {0, args[3], 0, '0'}
end

-- once_settle h id: {0} | {EINFLIGHT}: somebody else was given the key meanwhile.
local function f_once_settle(keys, args)
	local key = prefix(keys) .. 'i:' .. args[1]
	if redis.call('HGET', key, 'id') ~= args[2] then
		return {EINFLIGHT}
	end
	redis.call('HSET', key, 'done', 1)
	return {0}
end

-- once_drop h id: {0}: nothing came of it; the key is free again.
local function f_once_drop(keys, args)
	local key = prefix(keys) .. 'i:' .. args[1]
	local v = redis.call('HMGET', key, 'id', 'done')
	if v[1] == args[2] and v[2] ~= '1' then
		redis.call('DEL', key)
	end
	return {0}
end

-- once_look id: {0, blob} | {EINFLIGHT} | {ENOENT}: what became of an upload under a key. Its uploader knows of it from now on.
local function f_once_look(keys, args)
	local p, us = prefix(keys), time_us()
	local b = load(p, args[1])
	if not b then
		return {ENOENT}
	end
	if b.st == 'staged' then
		return {EINFLIGHT}
	end
	if settle(p, b, us).st ~= 'gone' then
		redis.call('HSET', p .. 'b:' .. b.id, 'kn', 1)
	end
	return {0, record(b)}
end

-- stat id: {0, blob} | {ENOENT}
local function f_stat(keys, args)
	local p = prefix(keys)
	local b = load_settled(p, args[1], time_us())
	return b and {0, record(b)} or {ENOENT}
end

-- erase id uploader: {0, blob} | {EGONE, blob} | {ENOENT}. uploader '': an operator.
local function f_erase(keys, args)
	local p, us = prefix(keys), time_us()
	local b = load_settled(p, args[1], us)
	if not b or (args[2] ~= '' and b.u ~= args[2]) then
		return {ENOENT}
	end
	if b.st == 'gone' then
		return {EGONE, record(b)}
	end
	finish(p, b, 'erased', args[2], us)
	return {0, record(b)}
end

-- One index entry that is due. Returns what ended as {cause, lateness in us}..., and about how many bytes.
local function reap_one(p, member, score, us, batch)
	local kind, id = string.sub(member, 1, 1), string.sub(member, 3)
	if kind == 's' then
		local v = redis.call('HMGET', p .. 's:' .. id, unpack(SESSION))
		redis.call('ZREM', p .. 'dl', member)
		if v[1] ~= 'open' then
			return {}, 0
		end
		local s, out, bytes = {id = id}, {}, 0
		for i, name in ipairs(SESSION) do
			s[name] = v[i] or ''
		end
		local ended, lates = session_end_due(p, s, us)
		for i, b in ipairs(ended) do
			out[i] = {b.c, lates[i]}
			bytes = bytes + tonumber(b.z)
		end
		return out, bytes
	end
	if kind == 'x' then
		local bare, what = string.match(id, '^([^:]+):(.+)$')
		local n = string.match(what, '^#(%d+)$')
		if n then
			unlink_all(p, bare, tonumber(n))
		else
			unlink_taken(p, bare, what)
		end
		redis.call('ZREM', p .. 'dl', member)
		return {}, 0
	end
	local b = load(p, id, REAPED)
	if not b then -- a one-chunk upload whose commit never came
		unlink_all(p, id, 0)
		redis.call('ZREM', p .. 'dl', member)
		return {{'aborted', us - score * 1000}}, 0
	end
	if b.st == 'staged' then
		drop_staged(p, b, time_ms(us), true)
		return {{'aborted', us - score * 1000}}, tonumber(b.n) * 65000
	end
	if b.st == 'gone' then
		redis.call('ZREM', p .. 'dl', member)
		return {}, 0
	end
	b.batch = batch
	local cause = DUE_CAUSE[b.st]
	return {{cause, finish(p, b, cause, b.w, us, score)}}, tonumber(b.z)
end

-- reap max at_least_ms: {0, now_ms, ended, overdue, next_ms, back_ms, cause, lateness_us, cause, lateness_us, ...}. Ends at most max index entries
-- that are due, fewer when they are large; overdue: how many are left that are due. next_ms 0: the index is empty. at_least_ms: it is no earlier
-- than that, as the reaper knows from a clock that nobody sets; back_ms: how far Redis's TIME is behind.
local function f_reap(keys, args)
	local p, us = prefix(keys), time_us(tonumber(args[2] or 0) * 1000)
	local now, batch = time_ms(us), {keys = {}, members = {}}
	local due = redis.call('ZRANGEBYSCORE', keys[1], '-inf', now, 'WITHSCORES', 'LIMIT', 0, args[1])
	local r, ended, bytes = {0, now, 0, 0, 0, math.floor(ahead_us / 1000)}, 0, 0
	for i = 1, #due, 2 do
		local what, size = reap_one(p, due[i], tonumber(due[i + 1]), us, batch)
		for _, w in ipairs(what) do
			r[#r + 1] = w[1]
			r[#r + 1] = w[2]
		end
		ended = ended + 1
		bytes = bytes + size
		if bytes > REAP_BYTES then
			break
		end
	end
	if batch.keys[1] then
		redis.call('UNLINK', unpack(batch.keys))
	end
	if batch.members[1] then
		redis.call('ZREM', keys[1], unpack(batch.members))
	end
	local first = redis.call('ZRANGE', keys[1], 0, 0, 'WITHSCORES')
	r[3] = ended
	if first[2] then
		r[5] = tonumber(first[2])
		r[4] = redis.call('ZCOUNT', keys[1], '-inf', now)
	end
	return r
end

-- attested slug who: {0}: for the evidence: what a server found out about the store's volatility. who: the operator who vouches for it.
local function f_attested(keys, args)
	event(prefix(keys), 'e', 'attestation', 'c', args[1], 'w', args[2], 'at', time_ms(time_us()))
	return {0}
end

-- recorder token lease_ms epoch caught_ms declare(0/1/2) pos n head: {0, now_ms, epoch, mine(1/0), caught_ms, by, pos, n, head}, the last five as they
-- stood before. Who holds the lease writes the evidence of this store; lease_ms 0 gives it back. The store's epoch is drawn once: another one later
-- means that this is not the store it was. declare: before it writes, the holder says up to where its file may go; it stays when the lease
-- ends, so that whoever comes next knows what may be recorded already; 1 goes on with a declaration of one's own, and does not replace another's: only 2
-- does. n, head: of its last checkpoint, for the servers that wait.
local function f_recorder(keys, args)
	local p, now = prefix(keys), time_ms(time_us())
	redis.call('SET', p .. 'epoch', args[3], 'NX')
	local epoch, key, mine = redis.call('GET', p .. 'epoch'), p .. 'rec', 0
	local v = redis.call('HMGET', key, 'token', 'until', 'caught', 'by', 'pos', 'n', 'head')
	if not v[1] or v[1] == args[1] or now >= tonumber(v[2]) then
		if args[2] == '0' then
			redis.call('HDEL', key, 'token', 'until', 'caught')
		else
			mine = 1
			redis.call('HSET', key, 'token', args[1], 'until', now + tonumber(args[2]), 'caught', args[4])
		end
		if args[5] == '2' or (args[5] == '1' and v[4] == args[1]) then
			redis.call('HSET', key, 'by', args[1], 'pos', args[6], 'n', args[7], 'head', args[8])
		end
	end
	return {0, now, epoch, mine, v[3] or '0', v[4] or '', v[5] or '', v[6] or '0', v[7] or ''}
end

-- outbox pos max: {0, last, entries}: the last id that this outbox ever gave, and its first entries, at most max, up to pos.
local function f_outbox(keys, args)
	local key, last = prefix(keys) .. 'out', '0-0'
	if redis.call('EXISTS', key) == 1 then
		local info = redis.call('XINFO', 'STREAM', key)
		for i = 1, #info, 2 do
			if info[i] == 'last-generated-id' then
				last = info[i + 1]
			end
		end
	end
	return {0, last, redis.call('XRANGE', key, '-', args[1], 'COUNT', args[2])}
end

-- What stores no blob must work in a full store: erasing is possible always.
local function register(name, f, flag)
	redis.register_function{function_name = 'tg1_' .. name, callback = f, flags = flag and {flag} or {}}
end

register('time', f_time, 'no-writes')
register('session_open', f_session_open)
register('session_touch', f_session_touch, 'allow-oom')
register('session_check', f_session_check, 'no-writes')
register('session_show', f_session_show, 'allow-oom')
register('session_close', f_session_close, 'allow-oom')
register('stage', f_stage)
register('commit', f_commit)
register('abort', f_abort, 'allow-oom')
register('take', f_take, 'allow-oom')
register('take_more', f_take_more, 'allow-oom')
register('take_end', f_take_end, 'allow-oom')
register('claim', f_claim, 'allow-oom')
register('claim_read', f_claim_read, 'allow-oom')
register('ack', f_ack, 'allow-oom')
register('once_begin', f_once_begin, 'allow-oom')
register('once_settle', f_once_settle, 'allow-oom')
register('once_drop', f_once_drop, 'allow-oom')
register('once_look', f_once_look, 'allow-oom')
register('stat', f_stat, 'allow-oom')
register('erase', f_erase, 'allow-oom')
register('reap', f_reap, 'allow-oom')
register('attested', f_attested, 'allow-oom')
register('recorder', f_recorder, 'allow-oom')
register('outbox', f_outbox, 'no-writes')
