-- upload.lua: from the first chunk of several to a live blob, or to nothing.

do -- no file uses the locals of this one: Lua allows 200 at a time

-- Staged is an attempt, not a blob. Whose name was chosen by its uploader may be attempted by
-- several, and by strangers: so each attempt is called <id>:<token>, of a token that the server
-- drew, and all that exists before the commit (chunks, index entry, record, place in the session's
-- list, what aborts and sweeps look for) is under that. Of a name that the server drew there is one
-- attempt, which is called as its blob. commit alone leads from an attempt to a blob, if there is
-- none.

-- Descriptions: 32 characters for what a request's head says, 16 for the content's length, 16 for
-- its digest; '-' where that is not known.
local function same_part(a, b, from, to)
	local x, y = string.sub(a, from, to), string.sub(b, from, to)
	return x == y or string.byte(x) == 45 or string.byte(y) == 45
end

local function same_description(a, b)
	return string.sub(a, 1, 32) == string.sub(b, 1, 32) and same_part(a, b, 33, 48)
		and same_part(a, b, 49, 64)
end

-- What stands under a name that its uploader chose: nil for nothing, or the answer. A blob that
-- ended as aborted, because nobody had been told of it, stands for nothing to whoever repeats its
-- upload; its bytes must be gone, or what is left of them to erase would be the new blob's. Who
-- repeats what he stored learns of it now, so an abort that is still to come leaves it alone.
-- Second, of one that ended as aborted: the event that told of it.
local function taken(p, id, uploader, f, us)
	local b, _, unsure = load_settled(p, id, us)
	if b and (b.u ~= uploader or b.f == '' or not same_description(b.f, f)) then
		return ETAKEN
	end
	-- it may be back although the evidence has its end, or forgotten although it was stored
	if not compared then
		return ECOMPARE
	end
	if not b then -- unsure: it may have had this name, and nobody has told of its end yet
		return unsure and EINFLIGHT or nil
	end
	if b.st == 'gone' and b.c == 'aborted' then
		return not erase_left_of(p, id) and EINFLIGHT or nil, b.ev
	end
	if b.st ~= 'gone' and b.kn == '' then
		b.kn = '1'
		save(p, b)
	end
	return OK .. '\n' .. record(b) .. '\n1'
end

-- named id uploader f: 0, blob | 0 | ETAKEN, EINFLIGHT, ECOMPARE: what stands under a name that its
-- uploader chose. Asked before session and policy are.
function F.named(keys, args)
	return taken(prefix(keys), args[1], args[2], args[3], time_us()) or OK
end

-- The chunks of an attempt become the blob's. Nothing is copied. Those of a blob that ended a day
-- ago or more, or was aborted, are not there any more.
local function adopt_chunks(p, attempt, id, n)
	for i = 0, n - 1 do
		redis.call('RENAME', p .. 'c:' .. attempt .. ':' .. i, p .. 'c:' .. id .. ':' .. i)
	end
end

-- What speaks against an upload of this subject, or nil. began: when its first byte came. size: of
-- its content; 0: that is not known yet.
local function subject_refuses(p, subject, attempt, began, size)
	if subject and subject_erased_since(p, subject, began) then
		return EGONE
	end
	return subject and not subject_room(p, subject, attempt, size) and EQUOTA or nil
end

-- stage id uploader sid bound first n left_ms d age_ms: 0; ESESSION; ESUBJECT; EGONE; EQUOTA;
-- ETIMEOUT. Enters an upload of several chunks in the index (first '1') or keeps it there. n: no
-- chunk has a higher number yet than n - 1. left_ms: until the first byte's time to live is over.
-- age_ms: since the first byte.
function F.stage(keys, args)
	local p, id, sid, us = prefix(keys), args[1], args[3], time_us()
	local now, left, d = time_ms(us), tonumber(args[7]), args[8]
	local first, b = args[5] == '1', load(p, id)
	local staged = b and b.st == 'staged'
	local s = sid ~= '' and session_open_for(p, sid, args[2], us) or nil
	local err = sid ~= '' and not s and ESESSION or nil
	if s then
		d = of_subject(s, d)
		err = not d and ESUBJECT or nil
	end
	local subject = d and subject_of(d)
	if not err and (first or not staged) then
		err = subject_refuses(p, subject, id, now - tonumber(args[9] or 0), 0)
	end
	if not first and not staged then
		return err or ETIMEOUT -- the session's end, or a reaper, was quicker
	end
	if err then
		-- the chunk that stands behind this call in the pipeline arrives all the same
		late_sweep(p, id, 1, now + math.min(STAGED_MS, left))
		return err
	end
	if s then
		session_bump(p, s, now)
		session_enlist(p, s, id, args[4] == '1' and LIST_STAGED or LIST_STAGED_UNBOUND)
	end
	if subject and first then
		subject_enlist(p, subject, id, 0)
	end
	redis.call('ZADD', p .. 'dl', text(now + math.min(STAGED_MS, left)), 'b:' .. id)
	local line = public_line('staged', args[2], '', sid, args[4], args[6], '', '', '', d, '',
		'', '', '', '')
	redis.call('SET', p .. 'b:' .. id, line .. '\n' .. NO_PRIVATE .. '\n', 'PXAT',
		wall_ms(now + left + TOMBSTONE_MS))
	return OK
end

-- Takes an attempt, whose record is gone, from its session's and its subject's list, and the index.
local function leave_attempt(p, attempt, sid, d)
	if sid ~= '' then
		redis.call('ZREM', p .. 'sb:' .. sid, attempt)
	end
	subject_drop(p, d, attempt)
	redis.call('ZREM', p .. 'dl', 'b:' .. attempt)
end

-- A blob of several chunks comes to be: what tells of it, and its record.
local function appear(p, id, record, what, deadline)
	local ev = event(p, what)
	must(p, ev, redis.pcall('SET', p .. 'b:' .. id, record, 'PXAT',
		wall_ms(deadline + TOMBSTONE_MS)))
end

-- The same of a blob that was an attempt: first the attempt's record goes, or two would tell of one
-- upload, then the chunks become the blob's. When something of it is refused, the reaper finds
-- chunks without a record.
local function appear_from(p, attempt, n, id, record, what, deadline, now)
	local done, why = pcall(redis.call, 'DEL', p .. 'b:' .. attempt)
	if done then
		done, why = pcall(adopt_chunks, p, attempt, id, n)
	end
	if done then
		done, why = pcall(appear, p, id, record, what, deadline)
	end
	if not done then
		redis.call('ZADD', p .. 'dl', text(now), 'b:' .. id)
		error(why)
	end
end

-- A blob of one chunk comes to be, from the string that its upload has left under the attempt: that
-- gets the blob's name, and its record is completed. Its expiry is set last: who is refused that is
-- told so, and ends the blob.
local function appear_single(p, attempt, hd, id, record, what, deadline)
	local from, to = p .. 'b:' .. attempt, p .. 'b:' .. id
	local whole = filled(record, tonumber(hd))
	local ev = event(p, what)
	if from ~= to then
		must(p, ev, redis.pcall('RENAME', from, to))
	end
	local written = redis.pcall('SETRANGE', to, '0', whole)
	if type(written) == 'table' and from ~= to then
		redis.pcall('RENAME', to, from)
	end
	must(p, ev, written)
	redis.call('PEXPIREAT', to, wall_ms(deadline))
end

-- An attempt is over before anybody saw it, and what it was for exists: nothing is left of it, and
-- there is nothing to tell.
local function drop_attempt(p, attempt, staged, sid, n)
	local b = staged and load(p, attempt)
	redis.call('DEL', p .. 'b:' .. attempt)
	if staged then
		erase_chunks(p, attempt, 0, n, false)
		leave_attempt(p, attempt, sid, b and b.d or '')
	end
end

-- put attempt entry event deadline_ms: 0, stamp: stored; ETAKEN, ECOMPARE: commit has to judge,
-- and nothing has changed. The usual case of a name that nobody has: one chunk, no session, a
-- deadline that no reaper must be woken for. The server has written record and chunk under the
-- attempt, as they are to be, and writes index entry and event for it; so it costs six commands.
-- The name is ours once the string has it; what goes wrong behind that takes it back. While
-- anything of the shard is overdue, no name is known to be free: Redis's own expiry may have taken
-- what had it, and its end, which leaves a tombstone there, has not been told of.
function F.put(keys, args)
	if not compared then
		return ECOMPARE
	end
	local p, attempt, entry = prefix(keys), args[1], args[2]
	local us = time_us()
	local now = time_ms(us)
	if now >= tonumber(args[4]) or redis.call('ZRANGEBYSCORE', keys[1], '-inf', text(now),
		'LIMIT', '0', '1')[1] then
		return ETAKEN
	end
	local id = string.match(attempt, '^[^:]+')
	local from, to = p .. 'b:' .. attempt, p .. 'b:' .. id
	if redis.pcall('RENAMENX', from, to) ~= 1 then
		return ETAKEN
	end
	note_live(id, us)
	local entered, ev = redis.pcall('ZADD', keys[1], 'NX', args[4], entry), nil
	local done = entered
	if done == 1 then
		ev = redis.pcall('XADD', p .. 'out', '*', 'p', args[3])
		done = type(ev) == 'table' and ev or redis.pcall('PEXPIREAT', to,
			wall_ms(tonumber(args[4])))
	end
	if done == 1 then
		return OK .. '\n' .. stamp_text
	end
	if entered == 0 then -- of one before it, whose end is still to be told
		redis.call('RENAME', to, from)
		return ETAKEN
	end
	redis.call('DEL', to)
	if type(ev) == 'string' then
		redis.call('XDEL', p .. 'out', ev)
	end
	redis.call('ZREM', keys[1], entry)
	error(done)
end

-- The size of the record in front of an only chunk that waits for its commit; nil: there is none.
local function head_of(p, attempt)
	local v = read_record(p, attempt) or ''
	local b = record_read(attempt, v)
	return b and b.hd ~= '' and b.hd or string.match(v, '^pending\t(%d+)\n')
end

-- commit attempt uploader to sid bound n size ttl_ms age_ms d p staged f: 0, blob, 0, stamp; 0,
-- blob, 1: it was stored before; ETAKEN, EINFLIGHT, ECOMPARE, ESESSION, ESUBJECT, EGONE, ETTL,
-- EQUOTA, ESTORE, ETIMEOUT. Refused: nothing is left of the attempt. EGONE: all of its subject was
-- erased since its first byte came. staged '0': stage was never called for
-- it, because its only chunk stands behind a record under the attempt. f: of an attempt, the
-- description.
function F.commit(keys, args)
	local p, id, uploader, sid, bound = prefix(keys), args[1], args[2], args[4], args[5]
	local name, token = attempt_of(id)
	local named, single = token ~= '', args[12] == '0'
	local n, size, us = tonumber(args[6]), tonumber(args[7]), time_us()
	local now = time_ms(us)
	local before, ended = nil, nil
	if named then
		before, ended = taken(p, name, uploader, args[13], us)
	end
	if before then
		drop_attempt(p, id, not single, sid, n)
		return before
	end
	local staged = not single and load(p, id) or nil
	local s = sid ~= '' and session_open_for(p, sid, uploader, us) or nil
	if staged and sid ~= '' then
		staged = load(p, id) -- the session's end may have dropped it
		if not staged then
			erase_chunks(p, id, 0, n, false)
			return ESESSION
		end
	end
	local deadline = now - tonumber(args[9]) + tonumber(args[8])
	if bound == '1' and s then
		deadline = math.min(deadline, tonumber(s.dl))
	end
	local hd = single and head_of(p, id) or ''

	local d, err = args[10], nil
	if s then
		d = of_subject(s, d)
	end
	if sid ~= '' and not s then
		err = ESESSION
	elseif not d then
		err = ESUBJECT
	elseif now >= deadline then
		err = ETTL
	elseif subject_of(d) then
		err = subject_refuses(p, subject_of(d), id, now - tonumber(args[9]), size)
	end
	if err then
		-- that stands before what follows
	elseif bound == '1' and (tonumber(s.n) >= BOUND_BLOBS
		or tonumber(s.z) + size > BOUND_BYTES) then
		err = EQUOTA
	elseif single then
		err = (hd == '' or redis.call('STRLEN', p .. 'b:' .. id) ~= tonumber(hd) + size)
			and ESTORE or nil
	elseif not staged then
		err = ETIMEOUT
	elseif not (have_chunks(p, id, n, size) and seal_chunks(p, id, n, deadline)) then
		err = time_ms(time_us()) < deadline and ESTORE or ETTL
	end
	if err and staged then
		drop_staged(p, staged, now, false)
		return err
	elseif err then
		redis.call('DEL', p .. 'b:' .. id)
		if not single then
			erase_chunks(p, id, 0, n, false)
			redis.call('ZREM', p .. 'dl', 'b:' .. id)
		end
		return err
	end

	local to, z, at, dl = args[3], args[7], text(now), text(deadline)
	local line = public_line('live', uploader, to, sid, bound, args[6], z, at, dl, d, args[11],
		'', '', ended or '', hd)
	local attempt, more = id, NO_PRIVATE
	if named then
		id, more = name, private_line('', '', '', '', '', '', '', '', token, args[13])
	end
	local record = line .. '\n' .. more .. '\n'
	local entry = single and member_of(id, uploader, to, z, d, sid, bound) or 'b:' .. id
	local what = event_stored(d, uploader, to, bound == '1' and s.h or '', z, dl, at)
	if named and single then
		note_live(id, us)
	end
	local done, why = pcall(function()
		index(p, entry, deadline, now)
		if s then
			session_enlist(p, s, id, bound == '1' and LIST_BOUND or LIST_UNBOUND)
		end
		if subject_of(d) then
			subject_enlist(p, subject_of(d), id, size)
		end
		if single then
			appear_single(p, attempt, hd, id, record, what, deadline)
		elseif named then
			appear_from(p, attempt, n, id, record, what, deadline, now)
			-- a reaper would find nothing under it
			pcall(leave_attempt, p, attempt, sid, d)
		else
			appear(p, id, record, what, deadline)
		end
	end)
	if not done then
		-- or its entry would tell of an end that was none, once another blob stands there
		local b = single and load(p, id) or nil
		if single and not (b and b.st ~= 'gone' and member(b) == entry) then
			redis.call('ZREM', keys[1], entry)
		end
		error(why)
	end
	if s then
		session_bump(p, s, now)
		if bound == '1' then
			redis.call('HINCRBY', p .. 's:' .. sid, 'n', '1')
			redis.call('HINCRBY', p .. 's:' .. sid, 'z', z)
		end
	end
	return OK .. '\n' .. id .. '\t' .. line .. '\n0\n' .. stamp_text
end

-- abort attempt n later_ms unknown: 0: an upload that is not going to be committed. later_ms: its
-- writes may still be on their way for that long. unknown '1': its commit was sent, and nobody has
-- been told the answer: should it be live, it ends, too; unless its uploader has asked again, by
-- name or Idempotency-Key, and learned of it since.
function F.abort(keys, args)
	local p, id, us = prefix(keys), args[1], time_us()
	local name, token = attempt_of(id)
	local now, b = time_ms(us), load(p, name)
	if args[4] == '1' and untold(b, token) then
		finish(p, b, 'aborted', '', us)
		-- a commit that was broken off may have left some
		erase_chunks(p, id, 0, token ~= '' and tonumber(args[2]) or 0, false)
		return OK
	end
	if token ~= '' then
		b = load(p, id)
		if b and b.st ~= 'staged' then -- an only chunk, whose commit has not come
			b = nil
		end
	end
	if b and b.st ~= 'staged' then
		return OK
	end
	if args[3] ~= '0' then
		late_sweep(p, id, args[2], now + tonumber(args[3]), args[4] == '1' and 'u' or 'x')
	end
	if b then
		b.n = text(math.max(tonumber(b.n), tonumber(args[2])))
		drop_staged(p, b, now, false)
	else
		redis.call('DEL', p .. 'b:' .. id)
		erase_chunks(p, id, 0, tonumber(args[2]), false)
	end
	redis.call('ZREM', p .. 'dl', 'b:' .. id)
	if args[3] == '0' then
		redis.call('ZREM', p .. 'dl', 'x:' .. id .. ':#1') -- a refused stage's
	end
	return OK
end

end
