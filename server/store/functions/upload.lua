-- upload.lua: from the first chunk of several to a live blob, or to nothing.

-- stage id uploader sid bound first n left_ms d: 0; ESESSION; ESUBJECT; ETIMEOUT. Enters an upload of several chunks in the index
-- (first '1') or keeps it there. n: no chunk has a higher number yet than n - 1. left_ms: until the first byte's time to live is over.
local function f_stage(keys, args)
	local p, id, sid, us = prefix(keys), args[1], args[3], time_us()
	local now, left, d = time_ms(us), tonumber(args[7]), args[8]
	local b = load(p, id)
	if args[5] ~= '1' and not (b and b.st == 'staged') then
		return sid ~= '' and not session_open_for(p, sid, args[2], us) and ESESSION or ETIMEOUT -- the session's end, or a reaper, was quicker
	end
	if sid ~= '' then
		local s = session_open_for(p, sid, args[2], us)
		d = s and of_subject(s, d)
		if not d then
			-- the chunk that stands behind this call in the pipeline arrives all the same
			trap(p, id, 1, now + math.min(STAGED_MS, left))
			return s and ESUBJECT or ESESSION
		end
		session_bump(p, s, now)
		session_enlist(p, s, id, args[4] == '1' and LIST_STAGED or LIST_STAGED_UNBOUND)
	end
	redis.call('ZADD', p .. 'dl', text(now + math.min(STAGED_MS, left)), 'b:' .. id)
	local line = line_told('staged', args[2], '', sid, args[4], args[6], '', '', '', d, '', '', '', '')
	save(p, id, line, NOTHING_KEPT, 'PXAT', wall_ms(now + left + TOMBSTONE_MS))
	return OK
end

-- commit id uploader to sid bound n size ttl_ms age_ms d p staged: 0, blob; ESESSION, ESUBJECT, ETTL, EQUOTA, ESTORE, ETIMEOUT. Refused: nothing is left.
-- staged '0': stage was never called for it.
local function f_commit(keys, args)
	local p, id, uploader, sid, bound = prefix(keys), args[1], args[2], args[4], args[5]
	local n, size, us = tonumber(args[6]), tonumber(args[7]), time_us()
	local now = time_ms(us)
	local staged = args[12] ~= '0' and load(p, id) or nil
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
	elseif bound == '1' and (tonumber(s.n) >= BOUND_BLOBS or tonumber(s.z) + size > BOUND_BYTES) then
		err = EQUOTA
	elseif n > 1 and not staged then
		err = ETIMEOUT
	elseif not (have_chunks(p, id, n, size) and seal_chunks(p, id, n, deadline)) then
		err = time_ms(time_us()) < deadline and ESTORE or ETTL
	end
	if err and staged then
		drop_staged(p, staged, now, false)
		return err
	elseif err then
		erase_chunks(p, id, 0, n, false)
		redis.call('ZREM', p .. 'dl', 'b:' .. id)
		return err
	end

	local to, z, at, dl = args[3], args[7], text(now), text(deadline)
	local line = line_told('live', uploader, to, sid, bound, args[6], z, at, dl, d, args[11], '', '', '')
	index(p, 'b:' .. id, deadline, now)
	if s then
		session_enlist(p, s, id, bound == '1' and LIST_BOUND or LIST_UNBOUND)
	end
	local ev = event(p, 'e\tstored\td\t' .. d .. '\tu\t' .. uploader .. '\tto\t' .. to .. '\ts\t' .. (bound == '1' and s.h or '') .. '\tz\t' .. z .. '\tdl\t' .. dl .. '\tat\t' .. at)
	must(p, ev, redis.pcall('SET', p .. 'b:' .. id, line .. '\n' .. NOTHING_KEPT, 'PXAT', wall_ms(deadline + TOMBSTONE_MS)))
	if s then
		session_bump(p, s, now)
		if bound == '1' then
			redis.call('HINCRBY', p .. 's:' .. sid, 'n', '1')
			redis.call('HINCRBY', p .. 's:' .. sid, 'z', z)
		end
	end
	return OK .. '\n' .. id .. '\t' .. line
end

-- abort id n later_ms unknown: 0: an upload that is not going to be committed. later_ms: its writes may still be on their way for that
-- long. unknown '1': its commit was sent, and nobody has been told the answer: should it be live, it ends, too; unless its uploader has asked
-- again by its Idempotency-Key and learned of it since.
local function f_abort(keys, args)
	local p, id, us = prefix(keys), args[1], time_us()
	local now, b = time_ms(us), load(p, id)
	if b and b.st == 'live' and args[4] == '1' and b.kn == '' then
		finish(p, b, 'aborted', '', us)
		return OK
	end
	if b and b.st ~= 'staged' then
		return OK
	end
	if args[3] ~= '0' then
		trap(p, id, args[2], now + tonumber(args[3]))
	end
	if b then
		b.n = text(math.max(tonumber(b.n), tonumber(args[2])))
		drop_staged(p, b, now, false)
	else
		erase_chunks(p, id, 0, tonumber(args[2]), false)
	end
	redis.call('ZREM', p .. 'dl', 'b:' .. id)
	if args[3] == '0' then
		redis.call('ZREM', p .. 'dl', 'x:' .. id .. ':#1') -- a refused stage's
	end
	return OK
end
