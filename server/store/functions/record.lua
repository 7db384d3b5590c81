-- record.lua: a blob's record: one string, "tg:{NN}:b:<id>", of two lines. The first is what is
-- told outside (docs/store.md: Records), the second what only transitions need. One string is read,
-- and written with its expiry, by one command each; a hash would take two, and a search for each
-- field.

local TOLD = '^([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\n]*)\n(.*)$'
local KEPT = '^([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)\t(.*)$'
-- A live blob as most are: of one chunk, without a session. Its first line, and of that what its
-- end needs.
local PLAIN = '^(live\t([^\t]*)\t([^\t]*)\t\t0\t1\t([^\t]*)\t[^\t]*\t([^\t]*)\t([^\t]*)\t[^\n]*)\n'
local NOTHING_KEPT = '\t\t\t\t\t\t\t\t\t'

local function load(p, id)
	local v = redis.call('GET', p .. 'b:' .. id)
	if not v then
		return nil
	end
	local st, u, to, s, b, n, z, at, dl, d, private, c, ga, ev, kept = string.match(v, TOLD)
	local r = {id = id, st = st, u = u, to = to, s = s, b = b, n = n, z = z, at = at, dl = dl, d = d, p = private, c = c, ga = ga, ev = ev,
		tk = '', w = '', th = '', ld = '', cs = '', ck = '', ak = '', kn = '', a = '', f = ''}
	if kept ~= NOTHING_KEPT then
		r.tk, r.w, r.th, r.ld, r.cs, r.ck, r.ak, r.kn, r.a, r.f = string.match(kept, KEPT)
	end
	return r
end

-- These are the hottest lines of the library. A chain of .. makes one string; table.concat would
-- fill a table first.
local function line_told(st, u, to, s, b, n, z, at, dl, d, private, c, ga, ev)
	return st .. '\t' .. u .. '\t' .. to .. '\t' .. s .. '\t' .. b .. '\t' .. n .. '\t' .. z .. '\t' .. at .. '\t' .. dl .. '\t' .. d .. '\t' .. private .. '\t' ..
		c .. '\t' .. ga .. '\t' .. ev
end

local function told(b)
	return line_told(b.st, b.u, b.to, b.s, b.b, b.n, b.z, b.at, b.dl, b.d, b.p, b.c, b.ga, b.ev)
end

local function kept(b)
	return b.tk .. '\t' .. b.w .. '\t' .. b.th .. '\t' .. b.ld .. '\t' .. b.cs .. '\t' .. b.ck .. '\t' .. b.ak .. '\t' .. b.kn .. '\t' .. b.a .. '\t' .. b.f
end

-- What a tombstone keeps of a record, v, of which nothing but its description is worth keeping. The
-- server's own names have none.
local function kept_of_taken(v)
	if string.byte(v, -1) == 9 then
		return NOTHING_KEPT
	end
	return NOTHING_KEPT .. string.sub(v, -64)
end

-- ...: SET's option on expiry: 'KEEPTTL', or 'PX' or 'PXAT' and a time. For changes that no event
-- tells of.
local function save(p, id, line, more, ...)
	redis.call('SET', p .. 'b:' .. id, line .. '\n' .. more, ...)
end

-- As answers have it.
local function record(b)
	return b.id .. '\t' .. told(b)
end

-- The id of what an attempt is for, and the attempt's token. A name that the server drew has one
-- attempt, without a token, which is called as its blob: upload.lua.
local function attempt_of(attempt)
	local id, token = string.match(attempt, '^([^:]+):(.+)$')
	return id or attempt, token or ''
end

-- A live blob that the attempt with this token made, and of which nobody knows.
local function untold(b, token)
	return b and b.st == 'live' and b.a == token and b.kn == ''
end

-- What has ended could not be erased: the reaper tries again, at once.
local function try_again(p, id, why)
	redis.pcall('ZADD', p .. 'dl', '1', 'b:' .. id)
	error(why)
end

-- Unlinks the only chunk of a blob that has ended. Returns how many there were.
local function unlink_ended(p, id, chunk)
	local found = redis.pcall('UNLINK', chunk)
	if type(found) == 'table' then
		try_again(p, id, found)
	end
	return found
end

-- A transition of a record: what tells of it, and the record. Returns the event's id.
local function step(p, b, what)
	local ev = event(p, what)
	must(p, ev, redis.pcall('SET', p .. 'b:' .. b.id, told(b) .. '\n' .. kept(b), 'KEEPTTL'))
	return ev
end

-- The upload ends without ever having been visible: no tombstone, only the event.
local function drop_staged(p, b, now, stalled)
	if stalled then
		trap(p, b.id, b.n, now + STALLED_MS)
	end
	must(p, event(p, 'e\taborted\td\t' .. b.d .. '\tu\t' .. b.u .. '\tat\t' .. text(now)), redis.pcall('DEL', p .. 'b:' .. b.id))
	room = room - END_BYTES
	erase_chunks(p, b.id, 0, tonumber(b.n), true)
	if b.s ~= '' then
		redis.call('ZREM', p .. 'sb:' .. b.s, b.id)
	end
	redis.call('ZREM', p .. 'dl', 'b:' .. b.id)
end

-- The event of a blob's end, and what is left of it for a day: who may know of it, how it ended; of
-- the evidence only the tag. It stands where p was: the outcome. late: us after the deadline that
-- ended it, outcome: what a claim's ack said, or ''. more: the record's second line. again '1': it
-- had ended before, and came back. Returns the event's id. A take spends its time here, so: no
-- table, few strings.
local function leave(p, id, u, to, d, z, dl, cause, who, late, now, outcome, more, again)
	local ev = event(p, 'e\tgone\td\t' .. d .. '\tc\t' .. cause .. '\to\t' .. outcome .. '\tu\t' .. u .. '\tw\t' .. who .. '\tz\t' .. z .. '\tdl\t' .. dl .. '\tlate\t' .. late ..
		'\tat\t' .. now .. (again and '\tagain\t' .. again or ''))
	must(p, ev, redis.pcall('SET', p .. 'b:' .. id, 'gone\t' .. u .. '\t' .. to .. '\t\t\t\t\t\t\t' .. string.match(d, '^%S*') .. '\t' .. outcome .. '\t' .. cause .. '\t' .. now .. '\t' ..
		event_name(p, ev) .. '\n' .. more, 'PX', TOMBSTONE))
	return ev
end

-- A visible blob has ended: event and record. due_ms: the deadline that ended it, nil for none. The
-- claimant, and nobody else, is told of the claim's end. Returns how late it was.
local function ended(p, b, cause, who, us, due_ms, outcome)
	local now, more = text(time_ms(us)), NOTHING_KEPT
	local late = due_ms and text(math.max(0, us - due_ms * 1000)) or ''
	if b.th ~= '' then
		more = '\t' .. b.w .. '\t' .. b.th .. '\t\t\t\t' .. b.ak .. '\t\t\t' .. b.f
	elseif b.f ~= '' then
		more = NOTHING_KEPT .. b.f
	end
	b.ev = event_name(p, leave(p, b.id, b.u, b.to, b.d, b.z, b.dl, cause, who, late, now, outcome or '', more, b.again))
	b.st, b.p, b.c, b.ga = 'gone', outcome or '', cause, now
	return late
end

-- Its session's list and account of it.
local function unlist(p, b)
	if b.s ~= '' then
		redis.call('ZADD', p .. 'sb:' .. b.s, 'XX', LIST_GONE, b.id)
		if b.b == '1' and redis.call('HGET', p .. 's:' .. b.s, 'st') == 'open' then
			redis.call('HINCRBY', p .. 's:' .. b.s, 'n', '-1')
			redis.call('HINCRBY', p .. 's:' .. b.s, 'z', '-' .. b.z)
		end
	end
end

-- Ends a visible blob: its chunks are gone when this returns, but for what erase_chunks() leaves to
-- the next call. Whatever ends a take that has begun, its reader has had bytes: that is `consumed`,
-- or an interception could be hidden behind an erasure (of a claim, an event tells). b.batch: of a
-- reap, which unlinks its blobs' only chunks, and takes them from the index, all at once at its
-- end.
local function finish(p, b, cause, who, us, due_ms, outcome)
	local batch = b.batch
	if b.st == 'taking' then
		cause, who = 'consumed', b.w
	end
	local late = ended(p, b, cause, who, us, due_ms, outcome)
	room = room - END_BYTES
	if b.n ~= '1' then
		local done, why = pcall(erase_chunks, p, b.id, 0, tonumber(b.n), false)
		if not done then
			try_again(p, b.id, why)
		end
	elseif batch then
		room = room - tonumber(b.z)
		batch.keys[#batch.keys + 1] = p .. 'c:' .. b.id .. ':0'
	else
		room = room - tonumber(b.z)
		unlink_ended(p, b.id, p .. 'c:' .. b.id .. ':0')
	end
	unlist(p, b)
	if batch then
		batch.members[#batch.members + 1] = 'b:' .. b.id
	else
		redis.call('ZREM', p .. 'dl', 'b:' .. b.id)
	end
	return late
end

local DUE_CAUSE = {live = 'expired', taking = 'consumed', claimed = 'lease-expired'}

local function blob_due(b)
	return b.st == 'gone' and math.huge or tonumber(b.st == 'claimed' and b.ld or b.dl)
end

-- A visible blob whose time is over although no reaper came by yet ends here. Returns b.
local function settle(p, b, us)
	if b and b.st ~= 'gone' and b.st ~= 'staged' then
		local due = blob_due(b)
		if time_ms(us) >= due then
			finish(p, b, DUE_CAUSE[b.st], b.w, us, due)
		end
	end
	return b
end
