-- session.lua: sessions: opened, kept awake, looked at, ended with everything that is bound to
-- them. A session is a hash, "tg:{NN}:s:<sid>".

local function session_answer(code, s)
	return code .. '\n' .. session_record(s)
end

-- nil: no such session.
local function session_read(p, sid)
	local v = redis.call('HMGET', p .. 's:' .. sid, unpack(SESSION))
	if not v[1] then
		return nil
	end
	local s = {id = sid}
	for i, name in ipairs(SESSION) do
		s[name] = v[i] or ''
	end
	return s
end

-- Ends one blob of a session's list; returns it if it was visible, and how late it was.
local function sweep_one(p, s, id, cause, who, us, due_ms)
	local b = load(p, id)
	if not b then
		redis.call('ZREM', p .. 'sb:' .. s.id, id)
	elseif b.st == 'staged' then
		-- not the same entry as the one in a minute
		late_sweep(p, id, text(tonumber(b.n) + 1), time_ms(us) + LATE_MS)
		drop_staged(p, b, time_ms(us), true)
		redis.call('ZREM', p .. 'sb:' .. s.id, id)
	elseif b.st == 'gone' then
		redis.call('ZADD', p .. 'sb:' .. s.id, 'XX', LIST_GONE, id)
	else
		return b, finish(p, b, cause, who, us, due_ms)
	end
	return nil
end

-- Ends what is not bound to an ended session, for which somebody has asked (ea): max blobs, and max
-- uploads. Returns whether there is more.
local function session_sweep_unbound(p, s, us, max, gone, lates)
	for _, score in ipairs({LIST_UNBOUND, LIST_STAGED_UNBOUND}) do
		for i, id in ipairs(redis.call('ZRANGEBYSCORE', p .. 'sb:' .. s.id, score, score,
			'LIMIT', '0', text(max + 1))) do
			if i > max or room <= 0 then
				return true
			end
			settle(p, load(p, id), us)
			local b, late = sweep_one(p, s, id, 'session-closed', s.by or '', us)
			gone[#gone + 1], lates[#lates + 1] = b, late
		end
	end
	return false
end

-- Ends what is bound to an ended session: visible blobs by the first call, BOUND_BLOBS at most;
-- uploads under way as far as one call may. What is left waits in the index as the session, due.
-- Returns the blobs that were visible, how late each was, and whether there is more.
local function session_sweep(p, s, us)
	local gone, lates, key, list, cause = {}, {}, p .. 's:' .. s.id, p .. 'sb:' .. s.id,
		SESSION_CAUSE[s.st]
	local due_ms = s.st ~= 'closed' and tonumber(s.st == 'idle' and s.idl or s.dl) or nil
	for _, id in ipairs(redis.call('ZRANGEBYSCORE', list, LIST_BOUND, LIST_BOUND)) do
		local b, late = sweep_one(p, s, id, cause, '', us, due_ms)
		gone[#gone + 1], lates[#lates + 1] = b, late
	end
	for i, id in ipairs(redis.call('ZRANGEBYSCORE', list, LIST_STAGED, LIST_STAGED, 'LIMIT',
		'0', text(SWEEP_MAX + 1))) do
		if i > SWEEP_MAX or room <= 0 then
			index(p, 's:' .. s.id, time_ms(us), time_ms(us))
			return gone, lates, true
		end
		local b, late = sweep_one(p, s, id, cause, '', us, due_ms)
		gone[#gone + 1], lates[#lates + 1] = b, late
	end
	if s.ea == '1' and session_sweep_unbound(p, s, us, SWEEP_MAX, gone, lates) then
		index(p, 's:' .. s.id, time_ms(us), time_ms(us))
		return gone, lates, true
	end
	redis.call('HDEL', key, 'sj', 'n', 'z')
	redis.call('PEXPIRE', key, TOMBSTONE)
	redis.call('PEXPIRE', list, TOMBSTONE)
	redis.call('ZREM', p .. 'dl', 's:' .. s.id)
	return gone, lates, false
end

-- Ends an open session and what is bound to it; returns what session_sweep() does. From the record
-- on, no function lets anybody use what is bound to it.
local function session_end(p, s, state, us)
	s.st, s.ga = state, text(time_ms(us))
	local ev = event(p, event_session_end(s.h, SESSION_CAUSE[state], s.u, s.dl, s.ga))
	must(p, ev, redis.pcall('HSET', p .. 's:' .. s.id, 'st', state, 'ga', s.ga))
	room = room - END_BYTES
	redis.call('ZADD', p .. 'dl', s.ga, 's:' .. s.id) -- until all of it is gone
	return session_sweep(p, s, us)
end

local function session_due(s)
	return math.min(tonumber(s.dl), tonumber(s.idl))
end

local function session_end_due(p, s, us)
	return session_end(p, s, time_ms(us) >= tonumber(s.dl) and 'expired' or 'idle', us)
end

-- nil: no such session. One whose time is over ends here.
local function session_load(p, sid, us)
	local s = session_read(p, sid)
	if s and s.st == 'open' and time_ms(us) >= session_due(s) then
		session_end_due(p, s, us)
	end
	return s
end

-- A blob as it stands now: ended first if its own time, or that of the session it is bound to, is
-- over. Second: its session. Third: nothing was found, but load_lost() has not seen all.
local function load_settled(p, id, us)
	local b, unsure = load(p, id), false
	if not b then
		b, unsure = load_lost(p, id, us)
	end
	if not b or b.st == 'staged' then
		return nil, nil, unsure
	end
	local s = b.s ~= '' and b.st ~= 'gone' and session_load(p, b.s, us) or nil
	if s and s.st ~= 'open' and (b.b == '1' or s.ea == '1') then
		b = load(p, id)
		-- a call that ended the session was broken off, or has left it to the next
		if b and b.st ~= 'gone' then
			session_sweep(p, s, us)
			b = load(p, id)
		end
		if b and b.st ~= 'gone' then
			sweep_one(p, s, id, 'session-closed', '', us)
			b = load(p, id)
		end
	end
	return settle(p, b, us), s
end

-- Somebody was active: the idle clock starts anew.
local function session_bump(p, s, now)
	if not s or s.st ~= 'open' then
		return
	end
	local idl = math.min(tonumber(s.dl), now + tonumber(s.idle))
	s.idl = text(idl)
	index(p, 's:' .. s.id, idl, now)
	redis.call('HSET', p .. 's:' .. s.id, 'idl', s.idl)
end

local function session_open_for(p, sid, uploader, us)
	local s = session_load(p, sid, us)
	if s and s.st == 'open' and s.u == uploader then
		return s
	end
	return nil
end

-- Enters a blob or an upload in the session's list. That stays as long as the session's own record
-- may.
local function session_enlist(p, s, id, score)
	redis.call('ZADD', p .. 'sb:' .. s.id, score, id)
	redis.call('PEXPIREAT', p .. 'sb:' .. s.id, wall_ms(tonumber(s.dl) + TOMBSTONE_MS))
end

-- What is uploaded into a session is of the session's subject, whether its d says so or not: d with
-- that, or nil, when it names another.
local function of_subject(s, d)
	local said = string.match(d, '^%S+ %S+ %d (%S+)$')
	if said then
		return said == s.sj and d or nil
	end
	return s.sj == '' and d or d .. ' ' .. s.sj
end

-- session_open sid uploader subject idle_ms length_ms: 0, session. subject: hashed, or ''.
function F.session_open(keys, args)
	local p, sid, now = prefix(keys), args[1], time_ms(time_us())
	local dl = now + tonumber(args[5])
	local idl = math.min(dl, now + tonumber(args[4]))
	local s = {id = sid, st = 'open', u = args[2], sj = args[3], at = text(now), dl = text(dl),
		idl = text(idl), idle = args[4], ga = ''}
	local h = string.sub(redis.sha1hex(sid), 1, 16)
	index(p, 's:' .. sid, idl, now)
	must(p, event(p, event_session_open(h, s.u, s.dl, s.at, s.sj)),
		redis.pcall('HSET', p .. 's:' .. sid, 'st', 'open', 'u', s.u, 'sj', s.sj, 'at',
			s.at, 'dl', s.dl, 'idl', s.idl, 'idle', s.idle, 'n', '0', 'z', '0', 'h', h))
	redis.call('PEXPIREAT', p .. 's:' .. sid, wall_ms(dl + TOMBSTONE_MS))
	return session_answer(OK, s)
end

-- session_touch sid uploader: 0 | EGONE, session; ENOENT
function F.session_touch(keys, args)
	local p, us = prefix(keys), time_us()
	local s = session_load(p, args[1], us)
	if not s or s.u ~= args[2] then
		return ENOENT
	end
	if s.st ~= 'open' then
		return session_answer(EGONE, s)
	end
	session_bump(p, s, time_ms(us))
	return session_answer(OK, s)
end

-- session_check sid uploader subject: 0; ESESSION, ESUBJECT: may an upload name it, and that
-- subject ('': none)? Looks only.
function F.session_check(keys, args)
	local v = redis.call('HMGET', prefix(keys) .. 's:' .. args[1], 'st', 'u', 'dl', 'idl', 'sj')
	local now = time_ms(time_us())
	if v[1] == 'open' and v[2] == args[2] and now < tonumber(v[3]) and now < tonumber(v[4]) then
		return ((args[3] or '') == '' or args[3] == v[5]) and OK or ESUBJECT
	end
	return ESESSION
end

-- session_show sid: 0, session, 0, blob...; ENOENT. Live ones first, at most SHOW_MAX.
function F.session_show(keys, args)
	if not compared then
		return ECOMPARE
	end
	local p, us = prefix(keys), time_us()
	local s = session_load(p, args[1], us)
	if not s then
		return ENOENT
	end
	local r = {session_answer(OK, s), '0'}
	for _, id in ipairs(redis.call('ZRANGE', p .. 'sb:' .. s.id, '0', text(SHOW_MAX - 1))) do
		local b = load(p, id)
		-- what else is due, others end
		if b and b.st ~= 'staged' and (room > 0 or time_ms(us) < blob_due(b)) then
			r[#r + 1] = record(settle(p, b, us))
		end
	end
	return table.concat(r, '\n')
end

-- session_close sid uploader all max: 0, session, more, blob...; ENOENT. uploader '': an operator.
-- all '1': the blobs that are not bound go, too, up to max of them by this call; more 1: call
-- again, something of it is still there (or leave it to the reaper). The session is marked closed
-- first.
function F.session_close(keys, args)
	local p, us = prefix(keys), time_us()
	local s = session_load(p, args[1], us)
	if not s or (args[2] ~= '' and s.u ~= args[2]) then
		return ENOENT
	end
	local gone, lates, more = {}, {}, false
	s.by = args[2]
	if s.st == 'open' then
		gone, lates, more = session_end(p, s, 'closed', us)
	elseif redis.call('ZSCORE', keys[1], 's:' .. s.id) then
		gone, lates, more = session_sweep(p, s, us)
	end
	if args[3] == '1' then
		-- should nobody call again, the reaper goes on
		redis.call('ZADD', keys[1], text(time_ms(us)), 's:' .. s.id)
		redis.call('HSET', p .. 's:' .. s.id, 'ea', '1')
		more = session_sweep_unbound(p, s, us, tonumber(args[4]), gone, lates) or more
		if not more then
			redis.call('ZREM', keys[1], 's:' .. s.id)
		end
	end
	more = erase_left(p) or more
	local r = {session_answer(OK, s), more and '1' or '0'}
	for _, b in ipairs(gone) do
		r[#r + 1] = record(b)
	end
	return table.concat(r, '\n')
end
