-- record.lua: a blob's record: one string, "tg:{NN}:b:<id>", of two lines. The first is what is
-- told outside (docs/store.md: Records), the second what only transitions need. One string is read,
-- and written with its expiry, by one command each; a hash would take two, and a search for each
-- field.

local function load(p, id)
	local v = redis.call('GET', p .. 'b:' .. id)
	if not v then
		return nil
	end
	return record_read(id, v)
end

-- What a tombstone keeps of a record, v, of which nothing but its description is worth keeping. The
-- server's own names have none.
local function kept_of_taken(v)
	if string.byte(v, -1) == 9 then
		return NO_PRIVATE
	end
	return NO_PRIVATE .. string.sub(v, -64)
end

-- ...: SET's option on expiry: 'KEEPTTL', or 'PX' or 'PXAT' and a time. For changes that no event
-- tells of.
local function save(p, id, line, more, ...)
	redis.call('SET', p .. 'b:' .. id, line .. '\n' .. more, ...)
end

-- As answers have it.
local function record(b)
	return b.id .. '\t' .. public_of(b)
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
	must(p, ev, redis.pcall('SET', p .. 'b:' .. b.id, public_of(b) .. '\n' .. private_of(b), 'KEEPTTL'))
	return ev
end

-- The upload ends without ever having been visible: no tombstone, only the event.
local function drop_staged(p, b, now, stalled)
	if stalled then
		trap(p, b.id, b.n, now + STALLED_MS)
	end
	must(p, event(p, event_aborted(b.d, b.u, text(now))), redis.pcall('DEL', p .. 'b:' .. b.id))
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
	local ev = event(p, event_gone(d, cause, outcome, u, who, z, dl, late, now, again))
	local line = tombstone_line(u, to, string.match(d, '^%S*'), outcome, cause, now, event_name(p, ev))
	must(p, ev, redis.pcall('SET', p .. 'b:' .. id, line .. '\n' .. more, 'PX', TOMBSTONE))
	return ev
end

-- A visible blob has ended: event and record. due_ms: the deadline that ended it, nil for none. The
-- claimant, and nobody else, is told of the claim's end. Returns how late it was.
local function ended(p, b, cause, who, us, due_ms, outcome)
	local now, more = text(time_ms(us)), NO_PRIVATE
	local late = due_ms and text(math.max(0, us - due_ms * 1000)) or ''
	if b.th ~= '' then
		more = private_line('', b.w, b.th, '', '', '', b.ak, '', '', b.f)
	elseif b.f ~= '' then
		more = NO_PRIVATE .. b.f
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
