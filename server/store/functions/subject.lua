-- subject.lua: what is a person's, as far as the uploader has named a subject: found, erased and
-- frozen together. A subject's hash names the shard, so one atomic call sees all of it.
--
-- "tg:{NN}:j:<hash>" is its list, of blobs and of uploads under way: a visible blob has its size as
-- the score, but negative; an upload 0; a blob that has ended the time of that. "tg:{NN}:jf:<hash>"
-- says when all of it was erased last, and until when it is frozen. Blobs without a subject cost
-- nothing here.

-- Ended, and their tombstones are a day old: some of them leave the list with each blob that enters
-- it, so that it never has many more than there are tombstones, and no call does all the work.
local function subject_prune(p, subject, now)
	local key = p .. 'j:' .. subject
	local old = redis.call('ZRANGEBYSCORE', key, '1', text(now - TOMBSTONE_MS), 'LIMIT', '0',
		text(PRUNE_MAX))
	if old[1] then
		redis.call('ZREM', key, unpack(old))
	end
end

-- Enters a visible blob of that size, or an upload (0). What is in the list lives for a day at
-- most, and its tombstone for another.
local function subject_enlist(p, subject, id, size)
	local key = p .. 'j:' .. subject
	redis.call('ZADD', key, text(-size), id)
	redis.call('PEXPIRE', key, text(2 * TOMBSTONE_MS))
	subject_prune(p, subject, time_ms(last_us))
end

-- How many blobs and uploads there are beside that one, and their bytes.
local function subject_holds(list, but)
	local n, bytes = 0, 0
	for i = 1, #list, 2 do
		if list[i] ~= but then
			n, bytes = n + 1, bytes - tonumber(list[i + 1])
		end
	end
	return n, bytes
end

local function subject_listed(p, subject)
	return redis.call('ZRANGEBYSCORE', p .. 'j:' .. subject, '-inf', '0', 'WITHSCORES')
end

-- An end that was broken off may have left in the list what is no more.
local function subject_clean(p, subject, list)
	for i = 1, #list, 2 do
		local b = load(p, list[i])
		if b and b.st == 'gone' then
			redis.call('ZADD', p .. 'j:' .. subject, 'XX', b.ga, list[i])
		elseif not b then
			redis.call('ZREM', p .. 'j:' .. subject, list[i])
		end
	end
end

-- May the subject have one more upload, or blob, of that size? attempt: it may be in the list.
local function subject_room(p, subject, attempt, size)
	local list = subject_listed(p, subject)
	local n, bytes = subject_holds(list, attempt)
	if n >= SUBJECT_BLOBS or bytes + size > SUBJECT_BYTES then
		subject_clean(p, subject, list)
		n, bytes = subject_holds(subject_listed(p, subject), attempt)
	end
	return n < SUBJECT_BLOBS and bytes + size <= SUBJECT_BYTES
end

-- Was all of it erased at that time or later?
local function subject_erased_since(p, subject, ms)
	local at = redis.call('HGET', p .. 'jf:' .. subject, 'er')
	return at and tonumber(at) >= ms
end

-- Until when it is frozen; nil: it is not.
local function subject_frozen(p, subject, us)
	local ends = redis.call('HGET', p .. 'jf:' .. subject, 'fz')
	return ends and time_ms(us) < tonumber(ends) and ends or nil
end

-- May nobody read what is described so, because its subject is frozen?
local function frozen(p, d, us)
	local subject = subject_of(d)
	return subject and subject_frozen(p, subject, us)
end

-- What is remembered of it, for as long as an upload may last, and a freeze does.
local function subject_set(p, subject, name, value)
	redis.call('HSET', p .. 'jf:' .. subject, name, value)
	redis.call('PEXPIRE', p .. 'jf:' .. subject, text(TOMBSTONE_MS + NET_MS))
end

-- A blob of the list, ended first if its time is over. Of an upload: nil, and second its record.
local function subject_load(p, id, us)
	local b = load(p, id)
	if b and b.st == 'staged' then
		return nil, b
	end
	return load_settled(p, id, us), nil
end

-- subject_show subject: 0, frozen until or '', more(0/1), then two lines for each: blob, its reader
-- or ''. What is visible, then what has ended, the latest first; at most SHOW_MAX.
function F.subject_show(keys, args)
	if not compared then
		return ECOMPARE
	end
	local p, us = prefix(keys), time_us()
	local key = p .. 'j:' .. args[1]
	local r, n = {OK, subject_frozen(p, args[1], us) or '', '0'}, 0
	local function add(b)
		r[#r + 1] = record(b)
		r[#r + 1] = b.w
		n = n + 1
	end
	for _, id in ipairs(redis.call('ZRANGEBYSCORE', key, '-inf', '0')) do
		local b = subject_load(p, id, us)
		if b and b.st ~= 'gone' then
			add(b)
		end
	end
	local ended = redis.call('ZRANGE', key, '+inf', '1', 'BYSCORE', 'REV', 'LIMIT', '0',
		text(SHOW_MAX - n + 1))
	for _, id in ipairs(ended) do
		if n == SHOW_MAX then
			r[3] = '1'
			break
		end
		local b = load(p, id)
		if b and b.st == 'gone' then
			add(b)
		end
	end
	return table.concat(r, '\n')
end

-- Ends one of the list; returns it if it was visible.
local function subject_end(p, subject, id, who, us)
	local b, upload = subject_load(p, id, us)
	if upload then
		-- not the same entry as the one in a minute
		late_sweep(p, id, text(tonumber(upload.n) + 1), time_ms(us) + LATE_MS)
		drop_staged(p, upload, time_ms(us), true)
	elseif not b then
		redis.call('ZREM', p .. 'j:' .. subject, id)
	elseif b.st == 'gone' then
		redis.call('ZADD', p .. 'j:' .. subject, 'XX', b.ga, id)
	else
		finish(p, b, 'erased', who, us)
		return b
	end
	return nil
end

-- subject_erase subject uploader by method again: 0, more, event or '', at, blob...: all that is
-- visible ends, and all uploads under way. by: who erases it. more 1: call again, with again '1':
-- bytes that one call could not erase are there still, and nobody can read them. An upload whose
-- first byte came earlier is not stored any more, nor is what a take has read delivered.
function F.subject_erase(keys, args)
	local p, us, subject = prefix(keys), time_us(), args[1]
	local now, gone, more = text(time_ms(us)), {}, false
	local who = args[3] == args[2] and args[2] or ''
	if args[5] ~= '1' then
		subject_set(p, subject, 'er', now)
	end
	for i, id in ipairs(redis.call('ZRANGEBYSCORE', p .. 'j:' .. subject, '-inf', '0', 'LIMIT',
		'0', text(SWEEP_MAX + 1))) do
		if i > SWEEP_MAX then
			more = true
			break
		end
		gone[#gone + 1] = subject_end(p, subject, id, who, us)
	end
	local ev = ''
	if args[5] ~= '1' or gone[1] then
		ev = event_name(p, event(p, event_subject_erased(subject, args[2], args[3],
			text(#gone), args[4], now)))
	end
	more = erase_left(p) or more
	local r = {OK, more and '1' or '0', ev, now}
	for _, b in ipairs(gone) do
		r[#r + 1] = record(b)
	end
	return table.concat(r, '\n')
end

-- subject_freeze subject uploader by length_ms: 0, until, event: nobody reads of it any more, nor
-- of what is uploaded, until then. Clocks run on. Of a take under way the reader has had bytes that
-- are erased already: it ends. A claim stays its claimant's, who may acknowledge it.
function F.subject_freeze(keys, args)
	local p, us, subject = prefix(keys), time_us(), args[1]
	local now = time_ms(us)
	local ends = text(now + tonumber(args[4]))
	local ev = event(p, event_subject_frozen(subject, args[2], args[3], ends, text(now)))
	must(p, ev, redis.pcall('HSET', p .. 'jf:' .. subject, 'fz', ends))
	redis.call('PEXPIRE', p .. 'jf:' .. subject, text(TOMBSTONE_MS + NET_MS))
	for _, id in ipairs(redis.call('ZRANGEBYSCORE', p .. 'j:' .. subject, '-inf', '0')) do
		local b = load(p, id)
		if b and b.st == 'taking' then
			finish(p, b, 'consumed', b.w, us)
		end
	end
	return table.concat({OK, ends, event_name(p, ev)}, '\n')
end

-- subject_release subject uploader by: 0, event; 0, '': it was not frozen.
function F.subject_release(keys, args)
	local p, us, subject = prefix(keys), time_us(), args[1]
	if not subject_frozen(p, subject, us) then
		return OK .. '\n'
	end
	local ev = event(p, event_subject_released(subject, args[2], args[3], text(time_ms(us))))
	must(p, ev, redis.pcall('HDEL', p .. 'jf:' .. subject, 'fz'))
	return OK .. '\n' .. event_name(p, ev)
end

-- subject_again subject erased_ms frozen_until_ms: 0: the evidence says that all of it was erased
-- then, and that it is frozen until then, and the store, which went back, may have forgotten it. 0:
-- not so. What the store knows of later calls stays.
function F.subject_again(keys, args)
	local p, now, subject = prefix(keys), time_ms(time_us()), args[1]
	local erased, frozen_until = tonumber(args[2]), tonumber(args[3])
	local is = redis.call('HMGET', p .. 'jf:' .. subject, 'er', 'fz')
	if erased > tonumber(is[1] or 0) then
		subject_set(p, subject, 'er', args[2])
	end
	if frozen_until > now and frozen_until > tonumber(is[2] or 0) then
		subject_set(p, subject, 'fz', args[3])
	end
	return OK
end
