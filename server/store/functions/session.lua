-- session.lua: sessions: opened, kept awake, looked at, ended with everything that is bound to them. A session is a hash, "tg:{NN}:s:<sid>".

local SESSION = {'st', 'u', 'ref', 'at', 'dl', 'idl', 'idle', 'n', 'z', 'h', 'ga'}

local function session_record(s)
	return table.concat({s.id, s.st, s.u, s.ref, s.at, s.dl, s.idl, s.idle, s.ga}, '\t')
end

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

-- Ends an open session and the blobs bound to it; returns those that were visible. Then how late each was, and about how many bytes of uploads under way went.
local function session_end(p, s, state, cause, us, due_ms)
	local now, gone, lates, staged, key = time_ms(us), {}, {}, 0, p .. 's:' .. s.id
	s.st, s.ga = state, text(now)
	redis.call('HSET', key, 'st', state, 'ga', s.ga)
	redis.call('HDEL', key, 'ref', 'n', 'z')
	redis.call('PEXPIRE', key, TOMBSTONE)
	redis.call('PEXPIRE', p .. 'sb:' .. s.id, TOMBSTONE)
	redis.call('ZREM', p .. 'dl', 's:' .. s.id)
	for _, id in ipairs(redis.call('ZRANGEBYSCORE', p .. 'sb:' .. s.id, '1', '1')) do
		local b = load(p, id)
		if b and b.st == 'staged' then
			staged = staged + drop_staged(p, b, now, true) * CHUNK_BYTES
		elseif b and b.st ~= 'gone' then
			lates[#lates + 1] = finish(p, b, cause, '', us, due_ms)
			gone[#gone + 1] = b
		end
	end
	event(p, 'e\tsession-end\ts\t' .. s.h .. '\tc\t' .. cause .. '\tu\t' .. s.u .. '\tdl\t' .. s.dl .. '\tat\t' .. s.ga)
	return gone, lates, staged
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
	local s = session_read(p, sid)
	if s and s.st == 'open' and time_ms(us) >= session_due(s) then
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

-- Somebody was active: the idle clock starts anew.
local function session_bump(p, s, now)
	if not s or s.st ~= 'open' then
		return
	end
	local idl = math.min(tonumber(s.dl), now + tonumber(s.idle))
	s.idl = text(idl)
	redis.call('HSET', p .. 's:' .. s.id, 'idl', s.idl)
	index(p, 's:' .. s.id, idl, now)
end

local function session_open_for(p, sid, uploader, us)
	local s = session_load(p, sid, us)
	if s and s.st == 'open' and s.u == uploader then
		return s
	end
	return nil
end

-- The session's list of its blobs: 1 bound, 0 not bound. It stays as long as the session's own record may.
local function session_enlist(p, s, id, bound)
	redis.call('ZADD', p .. 'sb:' .. s.id, bound == '1' and '1' or '0', id)
	redis.call('PEXPIREAT', p .. 'sb:' .. s.id, wall_ms(tonumber(s.dl) + TOMBSTONE_MS))
end

-- session_open sid uploader subject_ref idle_ms length_ms: 0, session
local function f_session_open(keys, args)
	local p, sid, now = prefix(keys), args[1], time_ms(time_us())
	local dl = now + tonumber(args[5])
	local idl = math.min(dl, now + tonumber(args[4]))
	local s = {id = sid, st = 'open', u = args[2], ref = args[3], at = text(now), dl = text(dl), idl = text(idl), idle = args[4], ga = ''}
	local h = string.sub(redis.sha1hex(sid), 1, 16)
	redis.call('HSET', p .. 's:' .. sid, 'st', 'open', 'u', s.u, 'ref', s.ref, 'at', s.at, 'dl', s.dl, 'idl', s.idl, 'idle', s.idle, 'n', '0', 'z', '0', 'h', h)
	redis.call('PEXPIREAT', p .. 's:' .. sid, wall_ms(dl + TOMBSTONE_MS))
	index(p, 's:' .. sid, idl, now)
	event(p, 'e\tsession-open\ts\t' .. h .. '\tu\t' .. s.u .. '\tdl\t' .. s.dl .. '\tat\t' .. s.at)
	return session_answer(OK, s)
end

-- session_touch sid uploader: 0 | EGONE, session; ENOENT
local function f_session_touch(keys, args)
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

-- session_check sid uploader: 0; ESESSION: may an upload name it? Looks only.
local function f_session_check(keys, args)
	local v = redis.call('HMGET', prefix(keys) .. 's:' .. args[1], 'st', 'u', 'dl', 'idl')
	local now = time_ms(time_us())
	if v[1] == 'open' and v[2] == args[2] and now < tonumber(v[3]) and now < tonumber(v[4]) then
		return OK
	end
	return ESESSION
end

-- session_show sid: 0, session, 0, blob...; ENOENT. Live ones first, at most SHOW_MAX.
local function f_session_show(keys, args)
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
		local b = settle(p, load(p, id), us)
		if b and b.st ~= 'staged' then
			r[#r + 1] = record(b)
		end
	end
	return table.concat(r, '\n')
end

-- session_close sid uploader all max: 0, session, more, blob...; ENOENT. uploader '': an operator. all '1': the blobs that are
-- not bound go, too, up to max of them by this call; more 1: call again. The session is marked closed first.
local function f_session_close(keys, args)
	local p, us, max = prefix(keys), time_us(), tonumber(args[4])
	local s = session_load(p, args[1], us)
	if not s or (args[2] ~= '' and s.u ~= args[2]) then
		return ENOENT
	end
	local gone, more, bytes = {}, '0', 0
	if s.st == 'open' then
		gone = session_end(p, s, 'closed', 'session-closed', us)
	end
	if args[3] == '1' then
		local ids = redis.call('ZRANGEBYSCORE', p .. 'sb:' .. s.id, '0', '0', 'LIMIT', '0', text(max + 1))
		for i, id in ipairs(ids) do
			if i > max or bytes > BOUND_BYTES then
				more = '1'
				break
			end
			local b = settle(p, load(p, id), us)
			if not b then
				redis.call('ZREM', p .. 'sb:' .. s.id, id)
			elseif b.st == 'staged' then
				bytes = bytes + drop_staged(p, b, time_ms(us), true) * CHUNK_BYTES
			elseif b.st ~= 'gone' then
				finish(p, b, 'session-closed', args[2], us)
				gone[#gone + 1] = b
				bytes = bytes + tonumber(b.z)
			end
		end
	end
	local r = {session_answer(OK, s), more}
	for _, b in ipairs(gone) do
		r[#r + 1] = record(b)
	end
	return table.concat(r, '\n')
end
