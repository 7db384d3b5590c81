-- record.lua: a blob's record: one string, "tg:{NN}:b:<id>", of two lines (docs/store.md: Fields).
-- The first line holds the public fields, which answers tell; the second holds the private ones,
-- which only transitions need. A record is read by one command, and written with its expiry by one.
--
-- A blob's only chunk stands behind its record, in the same string: the record is then filled with
-- blanks to hd bytes, and the chunk follows. So one command stores both, and one SET of the
-- tombstone erases both. hd is empty where nothing stands behind the record: the chunks of a longer
-- blob, and the only chunk of a blob that is claimed, are keys of their own. (A claim's expiry is
-- earlier than its record's.)

-- The text of a record, perhaps with blanks behind it; nil: none. Read are HEAD_BYTES, and more
-- only where the record goes on; and a record with a chunk behind it has one of these sizes
-- (HEAD_BYTES, HEAD_LONG_BYTES, HEAD_MAX_BYTES), the smallest in which it has room. So no byte of a
-- chunk is read: the Lua heap is never wiped.
local function read_record(p, id)
	local key = p .. 'b:' .. id
	local v = redis.call('GETRANGE', key, '0', HEAD_LAST)
	if v == '' then
		return nil
	end
	if #v == HEAD_BYTES and not string.find(v, '\n[^\n]*\n') then
		v = v .. redis.call('GETRANGE', key, text(HEAD_BYTES), text(HEAD_LONG_BYTES - 1))
		if not string.find(v, '\n[^\n]*\n') then
			v = v .. redis.call('GETRANGE', key, text(HEAD_LONG_BYTES),
				text(HEAD_MAX_BYTES - 1))
		end
	end
	return v
end

-- nil: no such blob. Also for an only chunk whose commit has not come yet (`pending`).
local function load(p, id)
	local v = read_record(p, id)
	return v and record_read(id, v)
end

local function record_text(b)
	return public_of(b) .. '\n' .. private_of(b) .. '\n'
end

-- A record as it stands in front of a chunk. Whoever wrote it first has left room for all that a
-- live blob's can become (put_single.c).
local function filled(record, hd)
	if #record > hd then
		error('a record of ' .. #record .. ' bytes has room for ' .. hd)
	end
	return record .. string.rep(' ', hd - #record)
end

-- What a taken blob's tombstone keeps of the private fields: the hash of the upload's description
-- (their last 64 characters). Only a blob whose uploader chose the name has one.
local function private_of_taken(more)
	if string.byte(more, -1) == 9 then
		return NO_PRIVATE
	end
	return NO_PRIVATE .. string.sub(more, -64)
end

-- Does the only chunk stand behind the record now?
local function holds_chunk(b)
	return b.hd ~= '' and b.st == 'live'
end

-- For changes that no event tells of.
local function save(p, b)
	if holds_chunk(b) then
		redis.call('SETRANGE', p .. 'b:' .. b.id, '0', filled(record_text(b),
			tonumber(b.hd)))
	else
		redis.call('SET', p .. 'b:' .. b.id, record_text(b), 'KEEPTTL')
	end
end

-- A blob's entry in the deadline index. Where record and chunk are one string, Redis's own expiry
-- takes both when no reaper comes in time, so the entry holds what its end has to tell.
local function member_of(id, u, to, z, d, s, bound)
	return 'b:' .. id .. '\t' .. u .. '\t' .. to .. '\t' .. z .. '\t' .. d
		.. (s ~= '' and '\t' .. s .. '\t' .. bound or '')
end

local function member(b)
	return b.hd ~= '' and member_of(b.id, b.u, b.to, b.z, b.d, b.s, b.b) or 'b:' .. b.id
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

-- A take reads the string with the record by a GET of its own, right in front of the call that ends
-- the blob. Between the two, a commit of another connection may come, so that the GET has read
-- nothing of what the call finds. Therefore each only chunk that goes live under a chosen name gets
-- a stamp, which is larger than all before it; answers tell the last one, and a take tells the
-- last one that its server had been told when it sent the GET. A blob with a larger stamp may have
-- gone live behind the GET. (Whose name the server drew, nobody can ask for before its uploader is
-- told. Chunks that are keys of their own are read behind the call.)
--
-- Stamps are kept in this process, as the connection that both commands come by is one to it: those
-- of the last LIVE_NOTED blobs at least. Whatever went live before them counts as if it had
-- forgotten, the largest stamp that is not kept any more.
local stamp, stamp_text, forgotten = 0, '0', 0
local young, old, n_young, old_stamp = {}, {}, 0, 0

local function next_stamp(us)
	stamp = math.max(stamp + 1, us)
	stamp_text = text(stamp)
end

local function note_live(id, us)
	if n_young == LIVE_NOTED then
		forgotten, old_stamp = old_stamp, stamp
		old, young, n_young = young, {}, 0
	end
	next_stamp(us)
	young[id] = stamp
	n_young = n_young + 1
end

-- What went live elsewhere, before this process was asked to serve reads, has no stamp here.
local function note_all_live(us)
	next_stamp(us)
	forgotten, old_stamp = stamp, stamp
	old, young, n_young = {}, {}, 0
end

-- Was the blob live when a server knew of this stamp?
local function live_since(id, seen)
	return (young[id] or old[id] or forgotten) <= seen
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
	must(p, ev, redis.pcall('SET', p .. 'b:' .. b.id, record_text(b), 'KEEPTTL'))
	return ev
end

-- The hash of the subject that a description names, or nil.
local function subject_of(d)
	return string.match(d, '^%S+ %S+ %d (%S+)$')
end

-- Takes an upload of this description from its subject's list.
local function subject_drop(p, d, attempt)
	local subject = subject_of(d)
	if subject then
		redis.call('ZREM', p .. 'j:' .. subject, attempt)
	end
end

-- The upload ends without ever having been visible: no tombstone, only the event.
local function drop_staged(p, b, now, stalled)
	if stalled then
		late_sweep(p, b.id, b.n, now + STALLED_MS)
	end
	must(p, event(p, event_aborted(b.d, b.u, text(now))), redis.pcall('DEL', p .. 'b:' .. b.id))
	room = room - END_BYTES
	erase_chunks(p, b.id, 0, tonumber(b.n), true)
	if b.s ~= '' then
		redis.call('ZREM', p .. 'sb:' .. b.s, b.id)
	end
	subject_drop(p, b.d, b.id)
	redis.call('ZREM', p .. 'dl', 'b:' .. b.id)
end

-- The event of a blob's end, and its tombstone: who may know of it for a day, and how it ended; of
-- the evidence only the tag. Where the chunk stood behind the record, the tombstone has erased it.
-- The outcome stands where p was. late: us after the deadline that ended it. outcome: what a
-- claim's ack said, or ''. more: the private fields. again '1': it had ended before, and came back.
-- Returns the event's id. A take spends its time here, so: no table, few strings.
local function leave(p, id, u, to, d, z, dl, cause, who, late, now, outcome, more, again)
	local ev = event(p, event_gone(d, cause, outcome, u, who, z, dl, late, now, id,
		again))
	local line = tombstone_line(u, to, string.match(d, '^%S*'), outcome, cause, now,
		event_name(p, ev))
	must(p, ev, redis.pcall('SET', p .. 'b:' .. id, line .. '\n' .. more .. '\n', 'PX',
		TOMBSTONE))
	return ev
end

-- A visible blob has ended: event and record. due_ms: the deadline that ended it, nil for none. The
-- claimant, and nobody else, is told of the claim's end. Returns how late it was.
local function ended(p, b, cause, who, us, due_ms, outcome)
	local now, more = text(time_ms(us)), NO_PRIVATE
	local late = due_ms and text(math.max(0, us - due_ms * 1000)) or ''
	if b.th ~= '' or (b.w ~= '' and subject_of(b.d)) then
		more = private_line('', b.w, b.th, '', '', '', b.ak, '', '', b.f)
	elseif b.f ~= '' then
		more = NO_PRIVATE .. b.f
	end
	b.ev = event_name(p, leave(p, b.id, b.u, b.to, b.d, b.z, b.dl, cause, who, late, now,
		outcome or '', more, b.again))
	b.st, b.p, b.c, b.ga = 'gone', outcome or '', cause, now
	return late
end

-- Its subject's list, and its session's list and account of it. now: of its end.
local function unlist(p, b, now)
	local subject = subject_of(b.d)
	if subject then
		redis.call('ZADD', p .. 'j:' .. subject, 'XX', now, b.id)
	end
	if b.s ~= '' then
		redis.call('ZADD', p .. 'sb:' .. b.s, 'XX', LIST_GONE, b.id)
		if b.b == '1' and redis.call('HGET', p .. 's:' .. b.s, 'st') == 'open' then
			redis.call('HINCRBY', p .. 's:' .. b.s, 'n', '-1')
			redis.call('HINCRBY', p .. 's:' .. b.s, 'z', '-' .. b.z)
		end
	end
end

-- Erases the chunks of a blob that has ended, where they are keys of their own. batch: of a reap,
-- which unlinks the only chunks of all its blobs by one command at its end.
local function erase_ended(p, b, batch)
	if b.n ~= '1' then
		local done, why = pcall(erase_chunks, p, b.id, 0, tonumber(b.n), false)
		if not done then
			try_again(p, b.id, why)
		end
		return
	end
	room = room - tonumber(b.z)
	if batch then
		batch.keys[#batch.keys + 1] = p .. 'c:' .. b.id .. ':0'
	else
		unlink_ended(p, b.id, p .. 'c:' .. b.id .. ':0')
	end
end

-- Ends a visible blob: its chunks are gone when this returns, but for what erase_chunks() leaves to
-- the next call. Whatever ends a take that has begun, its reader has had bytes: that is `consumed`,
-- or an interception could be hidden behind an erasure (of a claim, an event tells). b.batch: of a
-- reap, which takes its blobs from the index, as b.entry, by one command at its end.
local function finish(p, b, cause, who, us, due_ms, outcome)
	local erased = holds_chunk(b)
	if b.st == 'taking' then
		cause, who = 'consumed', b.w
	end
	local late = ended(p, b, cause, who, us, due_ms, outcome)
	room = room - END_BYTES
	if erased then
		room = room - tonumber(b.z)
	else
		erase_ended(p, b, b.batch)
	end
	unlist(p, b, b.ga)
	if b.batch then
		b.batch.members[#b.batch.members + 1] = b.entry
	else
		redis.call('ZREM', p .. 'dl', member(b))
	end
	b.hd = ''
	return late
end

-- A blob's entry is due at its score. Where the score has to change although nothing has happened
-- to the blob, the entry gets the old one behind a TAB and an @: the lateness of what ends is told
-- from there, and when Redis's own expiry takes a record, that is all that knows its deadline.
-- Returns the entry as it was entered first, and when it was due, nil: that is its score.
local function entry_parts(entry)
	local plain, due = string.match(entry, '^(.*)\t@(%d+)$')
	return plain or entry, tonumber(due)
end

-- Has Redis's own expiry taken the blob of this index entry, record and chunk? b: the record that
-- stands under its id, or nil: of another blob, if that was entered since, under the same words.
local function lost_its_record(p, entry, b)
	local plain, due = entry_parts(entry)
	if not string.find(plain, '\t', 1, true) then
		return false -- its record is a string of its own, and lives for another day
	end
	return not (b and (b.st == 'gone' or (member(b) == plain
		and (not due or due == tonumber(b.dl) or due == tonumber(b.ld)
			or not redis.call('ZSCORE', p .. 'dl', plain)))))
end

-- Ends a blob that Redis's own expiry has taken, record and chunk, because no reaper came in time:
-- what is told of it stands in its index entry, which was due at its deadline. seen: the record
-- that stands under its id all the same, of another blob (whose upload came in between), or nil.
-- Returns how late it was.
local function finish_lost(p, entry, score, us, seen)
	local plain, due = entry_parts(entry)
	local id, u, to, z, d, rest = string.match(plain,
		'^b:([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)\t?(.*)$')
	local s, bound = string.match(rest, '^([^\t]*)\t?(.*)$')
	due = due or score
	local now, late = text(time_ms(us)), text(math.max(0, us - due * 1000))
	if seen then
		-- the record names this event, so that nobody takes it for a forged end of its blob
		seen.ev = event_name(p, event(p, event_gone(d, 'expired', '', u, '', z,
			text(due), late, now, id)))
		pcall(save, p, seen)
	else
		leave(p, id, u, to, d, z, text(due), 'expired', '', late, now, '', NO_PRIVATE)
		unlist(p, {id = id, s = s, b = bound, z = z, d = d}, now)
	end
	redis.call('ZREM', p .. 'dl', entry)
	room = room - END_BYTES
	return late
end

-- The same for one who asks for the blob ahead of the reaper. Returns its tombstone, or nil.
-- Second: more is due than one call looks through, so it may be there all the same.
local function load_lost(p, id, us)
	local due = redis.call('ZRANGEBYSCORE', p .. 'dl', '-inf', text(time_ms(us)), 'WITHSCORES',
		'LIMIT', '0', text(LOST_MAX))
	for i = 1, #due, 2 do
		if string.sub(due[i], 1, #id + 3) == 'b:' .. id .. '\t'
			and lost_its_record(p, due[i], nil) then
			finish_lost(p, due[i], tonumber(due[i + 1]), us, nil)
			return load(p, id), false
		end
	end
	return nil, #due == 2 * LOST_MAX
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
