-- reap.lua: what is due ends.

-- A blob's entry that is due. Returns its cause, its lateness in us, and about how many bytes went; nothing when it had ended before.
local function reap_blob(p, id, score, us, batch)
	local b, member = load(p, id), 'b:' .. id
	if not b then -- a one-chunk upload whose commit never came
		unlink_all(p, id, 0)
		redis.call('ZREM', p .. 'dl', member)
		return 'aborted', text(us - score * 1000), 0
	end
	if b.st == 'staged' then
		local found = drop_staged(p, b, time_ms(us), true)
		return 'aborted', text(us - score * 1000), found * CHUNK_BYTES -- at most
	end
	if b.st == 'gone' then -- entered by a worker that stalled meanwhile
		batch.members[#batch.members + 1] = member
		return nil
	end
	b.batch = batch
	local cause = DUE_CAUSE[b.st]
	return cause, finish(p, b, cause, b.w, us, score), tonumber(b.z)
end

-- A session's entry that is due. Appends causes and latenesses to r; returns about how many bytes went.
local function reap_session(p, sid, us, r)
	local s, bytes = session_read(p, sid), 0
	redis.call('ZREM', p .. 'dl', 's:' .. sid)
	if not s or s.st ~= 'open' then
		return 0
	end
	local gone, lates, staged = session_end_due(p, s, us)
	bytes = staged
	for i, b in ipairs(gone) do
		r[#r + 1] = b.c .. '\t' .. lates[i]
		bytes = bytes + tonumber(b.z)
	end
	return bytes
end

-- What writes that came too late have left.
local function reap_trap(p, member)
	local id, n = string.match(member, '^x:([^:]+):#(%d+)$')
	if id then
		unlink_all(p, id, tonumber(n))
	end
	redis.call('ZREM', p .. 'dl', member)
end

-- reap max at_least_ms: 0, now_ms, ended, overdue, next_ms, back_ms, then a line of cause and lateness_us for each blob. Ends at most max index entries
-- that are due, fewer when they are large; overdue: how many are left that are due. next_ms 0: the index is empty. at_least_ms: it is no earlier
-- than that, as the reaper knows from a clock that nobody sets; back_ms: how far Redis's TIME is behind.
local function f_reap(keys, args)
	local p, us = prefix(keys), time_us(tonumber(args[2] or 0) * 1000)
	local now, batch = time_ms(us), {keys = {}, members = {}}
	local due = redis.call('ZRANGEBYSCORE', keys[1], '-inf', text(now), 'WITHSCORES', 'LIMIT', '0', args[1])
	local r, done, bytes, next_ms, overdue = {OK, text(now), '', '', '', text(math.floor(ahead_us / 1000))}, 0, 0, '0', '0'
	for i = 1, #due, 2 do
		local kind, id = string.sub(due[i], 1, 1), string.sub(due[i], 3)
		if kind == 'b' then
			local cause, late, size = reap_blob(p, id, tonumber(due[i + 1]), us, batch)
			if cause then
				r[#r + 1] = cause .. '\t' .. late
				bytes = bytes + size
			end
		elseif kind == 's' then
			bytes = bytes + reap_session(p, id, us, r)
		else
			reap_trap(p, due[i])
		end
		done = done + 1
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
	local first = redis.call('ZRANGE', keys[1], '0', '0', 'WITHSCORES')
	if first[2] then
		next_ms = text(tonumber(first[2]))
		overdue = text(redis.call('ZCOUNT', keys[1], '-inf', text(now)))
	end
	r[3], r[4], r[5] = text(done), overdue, next_ms
	return table.concat(r, '\n')
end
