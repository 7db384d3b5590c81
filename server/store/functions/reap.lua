-- reap.lua: what is due ends.

do -- no file uses the locals of this one: Lua allows 200 at a time

-- A blob's entry that is due. Returns its cause and its lateness in us; nothing when it had ended
-- before.
local function reap_blob(p, entry, score, us, batch)
	local id, plain, moved = string.match(entry, '^b:([^\t]*)'), entry_parts(entry)
	local b, due = load(p, id), moved or score
	if lost_its_record(p, entry, b) then
		return 'expired', finish_lost(p, entry, score, us, b)
	end
	-- of what could not be ended in time, and has been heard of since
	if b and moved and redis.call('ZSCORE', p .. 'dl', plain) then
		redis.call('ZREM', p .. 'dl', entry)
		return nil
	end
	if not b then -- what a refused command has left
		erase_chunks(p, id, 0, 0, true)
		redis.call('ZREM', p .. 'dl', entry)
		return 'aborted', text(us - due * 1000)
	end
	if b.st == 'staged' then
		drop_staged(p, b, time_ms(us), true)
		redis.call('ZREM', p .. 'dl', entry)
		return 'aborted', text(us - due * 1000)
	end
	-- entered by a worker that stalled meanwhile, or the call that ended it was broken off
	if b.st == 'gone' then
		erase_chunks(p, id, 0, 0, true)
		batch.members[#batch.members + 1] = entry
		return nil
	end
	b.batch, b.entry = batch, entry
	local cause = DUE_CAUSE[b.st]
	return cause, finish(p, b, cause, b.w, us, math.min(due, blob_due(b)))
end

-- A session's entry that is due. Appends causes and latenesses to r.
local function reap_session(p, sid, us, r)
	local s, gone, lates = session_read(p, sid), nil, nil
	if not s then
		redis.call('ZREM', p .. 'dl', 's:' .. sid)
		return
	end
	if s.st == 'open' then
		gone, lates = session_end_due(p, s, us)
	else
		gone, lates = session_sweep(p, s, us)
	end
	for i, b in ipairs(gone) do
		r[#r + 1] = b.c .. '\t' .. lates[i]
	end
end

-- What writes that came too late have left. Of a commit that came behind its own abort nobody was
-- told, so its blob ends; unless its uploader has asked again and learned of it.
local function reap_late_sweep(p, member, us)
	local kind, attempt, n = string.match(member, '^([xu]):(.+):#(%d+)$')
	if attempt then
		local id, token = attempt_of(attempt)
		local b = load(p, id)
		if kind == 'u' and untold(b, token) then
			finish(p, b, 'aborted', '', us)
		end
		if token ~= '' or not b or b.st == 'staged' or b.st == 'gone' then
			erase_chunks(p, attempt, 0, tonumber(n), true)
		end
	end
	redis.call('ZREM', p .. 'dl', member)
end

local function reap_entry(p, entry, score, us, batch, r)
	local kind, id = string.sub(entry, 1, 1), string.sub(entry, 3)
	if kind == 'b' then
		local cause, late = reap_blob(p, entry, score, us, batch)
		if cause then
			r[#r + 1] = cause .. '\t' .. late
		end
	elseif kind == 's' then
		reap_session(p, id, us, r)
	elseif kind == 'e' then
		erase_more(p, entry)
	else
		reap_late_sweep(p, entry, us)
	end
end

-- What could not be ended is tried again later, so that others need not wait for it. A blob's entry
-- keeps when it was due.
local function retry(p, entry, score, at)
	if string.sub(entry, 1, 2) ~= 'b:' then
		redis.call('ZADD', p .. 'dl', 'XX', text(at), entry)
		return
	end
	local plain, moved = entry_parts(entry)
	local again = plain .. '\t@' .. text(moved or score)
	redis.call('ZADD', p .. 'dl', text(at), again)
	if again ~= entry then
		redis.pcall('ZREM', p .. 'dl', entry)
	end
end

-- reap max at_least_ms: 0, now_ms, ended, overdue, next_ms, back_ms, failed, then a line of cause
-- and lateness_us for each blob. Ends at most max index entries that are due, fewer when they are
-- large; overdue: how many are left that are due. next_ms 0: the index is empty. at_least_ms: it is
-- no earlier than that, as the reaper knows from a clock that nobody sets; back_ms: how far Redis's
-- TIME is behind. failed: why something could not be ended now, or ''.
function F.reap(keys, args)
	local p, us = prefix(keys), time_us(tonumber(args[2] or 0) * 1000)
	local now, batch = time_ms(us), {keys = {}, members = {}}
	local due = redis.call('ZRANGEBYSCORE', keys[1], '-inf', text(now), 'WITHSCORES', 'LIMIT',
		'0', args[1])
	local r, done, next_ms, overdue = {OK, text(now), '', '', '',
		text(math.floor(ahead_us / 1000)), ''}, 0, '0', '0'
	for i = 1, #due, 2 do
		local score = tonumber(due[i + 1])
		local ended, why = pcall(reap_entry, p, due[i], score, us, batch, r)
		if not ended then
			retry(p, due[i], score, now + RETRY_MS)
			r[7] = string.gsub(tostring(type(why) == 'table' and why.err or why), '%c',
				' ')
		end
		done = done + 1
		if room <= 0 then
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
		next_ms = text(math.max(1, tonumber(first[2])))
		overdue = text(redis.call('ZCOUNT', keys[1], '-inf', text(now)))
	end
	r[3], r[4], r[5] = text(done), overdue, next_ms
	return table.concat(r, '\n')
end

end
