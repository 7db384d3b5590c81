-- server.lua: what servers ask and tell of the store itself, the recorder's lease, and how a store
-- that went back is brought up to its evidence.

do -- no file uses the locals of this one: Lua allows 200 at a time

-- Reads wait anew in a Redis that is a replica or was one since it was seen last. Every server asks
-- for the time behind each connect, before it reads, and once a second. A primary's id changes,
-- too, when a first replica comes or the last one has been away for long; it has no former id then.
local function begin_anew()
	local info = redis.pcall('INFO', 'replication')
	local now = type(info) == 'string' and string.match(info, 'master_replid:(%x+)')
	if not now or now == replication then
		return
	end
	if string.find(info, 'role:slave', 1, true) or (replication
		and string.find(string.match(info, 'master_replid2:(%x+)') or '', '[^0]')) then
		life, compared = nil, false
	end
	replication = now
end

-- time: 0, ms, compared(0/1), stamp
function F.time()
	begin_anew()
	return table.concat({OK, text(time_ms(time_us())), compared and '1' or '0', stamp_text},
		'\n')
end

-- may_store: 0. Does nothing, and is refused by Redis whenever an upload would be: it is full,
-- takes no writes, or has lost the replicas that it demands.
function F.may_store()
	return OK
end

-- What functions run, and what servers send themselves, each as it may look, with KEY for a key.
-- (FUNCTION and FCALL show themselves; INFO and CONFIG are attestation's.)
local RIGHTS = {
	{'TIME'},
	{'GET', 'KEY'},
	{'SET', 'KEY', '1', 'PX', '1'},
	{'DEL', 'KEY'},
	{'UNLINK', 'KEY'},
	{'RENAME', 'KEY', 'KEY'},
	{'EXISTS', 'KEY'},
	{'STRLEN', 'KEY'},
	{'GETRANGE', 'KEY', '0', '1'},
	{'SETRANGE', 'KEY', '0', '1'},
	{'RENAMENX', 'KEY', 'KEY'},
	{'GETDEL', 'KEY'},
	{'PEXPIRE', 'KEY', '1'},
	{'PEXPIREAT', 'KEY', '1'},
	{'HSET', 'KEY', 'f', '1'},
	{'HGET', 'KEY', 'f'},
	{'HMGET', 'KEY', 'f'},
	{'HDEL', 'KEY', 'f'},
	{'HINCRBY', 'KEY', 'f', '1'},
	{'ZADD', 'KEY', '1', 'm'},
	{'ZREM', 'KEY', 'm'},
	{'ZRANGE', 'KEY', '0', '0'},
	{'ZRANGEBYSCORE', 'KEY', '0', '0'},
	{'ZSCORE', 'KEY', 'm'},
	{'ZCOUNT', 'KEY', '0', '0'},
	{'ZSCAN', 'KEY', '0'},
	{'XADD', 'KEY', '*', 'p', '1'},
	{'XDEL', 'KEY', '1-1'},
	{'XRANGE', 'KEY', '-', '+'},
	{'XINFO', 'STREAM', 'KEY'},
	{'XTRIM', 'KEY', 'MINID', '0'},
	{'XREAD', 'COUNT', '1', 'STREAMS', 'KEY', '0-0'},
	{'MULTI'},
	{'EXEC'},
	{'PING'},
	{'FCALL', 'tg2_time', '1', 'KEY'},
	{'FUNCTION', 'LIST'},
	{'FUNCTION', 'LOAD', '1'},
	{'PUBLISH', 'tg:due', '1'},
	{'SUBSCRIBE', 'tg:due'},
}

local function may(p, command, kind)
	local words = {}
	for i, word in ipairs(command) do
		words[i] = word == 'KEY' and p .. kind or word
	end
	-- it fails where the command has been renamed
	local ran, yes = pcall(redis.acl_check_cmd, unpack(words))
	return ran and yes
end

-- rights: 0, then the commands, or the keys, that this user is denied, a blank between two of them.
-- Redis does not roll back what a function did before a command that is refused, so this is asked
-- beforehand, and again each second. Nothing is tried: ACL is asked.
function F.rights(keys)
	local p, denied = prefix(keys), {}
	for _, command in ipairs(RIGHTS) do
		if not may(p, command, 'b:1') then
			denied[#denied + 1] = command[1]
		end
	end
	if not denied[1] then
		for _, kind in ipairs(KINDS) do
			if not may(p, {'GET', 'KEY'}, kind) or not may(p, {'DEL', 'KEY'}, kind) then
				denied[#denied + 1] = p .. kind
			end
		end
	end
	return OK .. '\n' .. table.concat(denied, ' ')
end

-- attested slug who: 0: for the evidence: what a server found out about the store's volatility.
-- who: the operator who vouches for it.
function F.attested(keys, args)
	local who = string.gsub(args[2], '\t', ' ') -- it is what an operator wrote
	event(prefix(keys), event_attestation(args[1], who, text(time_ms(time_us()))))
	return OK
end

-- recorder token lease_ms epoch caught_ms declare(0/1/2) pos n head: 0, now_ms, epoch, mine(1/0),
-- caught_ms, by, pos, n, head, the last five as they stood before; life, compared(1/0). Who holds
-- the lease writes the evidence of this store; lease_ms 0 gives it back. The store's epoch is drawn
-- once: another one later means that this is not the store it was. declare: before it writes, the
-- holder says up to where its file may go; it stays when the lease ends, so that whoever comes next
-- knows what may be recorded already; 1 goes on with a declaration of one's own, and does not
-- replace another's: only 2 does. n, head: of its last checkpoint, for the servers that wait.
function F.recorder(keys, args)
	local p, now = prefix(keys), time_ms(time_us())
	begin_anew()
	life = life or args[3] -- any random text will do
	redis.call('SET', p .. 'epoch', args[3], 'NX')
	local epoch, key, mine = redis.call('GET', p .. 'epoch'), p .. 'rec', '0'
	local v = redis.call('HMGET', key, 'token', 'until', 'caught', 'by', 'pos', 'n', 'head')
	if not v[1] or v[1] == args[1] or now >= tonumber(v[2]) then
		if args[2] == '0' then
			redis.call('HDEL', key, 'token', 'until', 'caught')
		else
			mine = '1'
			redis.call('HSET', key, 'token', args[1], 'until',
				text(now + tonumber(args[2])), 'caught', args[4])
		end
		if args[5] == '2' or (args[5] == '1' and v[4] == args[1]) then
			redis.call('HSET', key, 'by', args[1], 'pos', args[6], 'n', args[7], 'head',
				args[8])
		end
	end
	return table.concat({OK, text(now), epoch, mine, v[3] or '0', v[4] or '', v[5] or '', v[6]
		or '0', v[7] or '',
		life, compared and '1' or '0'}, '\n')
end

-- compared life: 0; ECOMPARE: this is not the life that the caller has looked at. Whoever holds the
-- lease has compared this store with its evidence, and what had ended was ended again: reads may
-- begin.
function F.compared(keys, args)
	begin_anew()
	if args[1] ~= life then
		return ECOMPARE
	end
	if not compared then
		note_all_live(time_us())
	end
	compared = true
	return OK
end

-- standing cursor count: 0, the next cursor ('0': that was all), then a line for each blob (b id st
-- tag) and open session (s id h) of about count entries of the index. As ZSCAN: what stands there
-- all the while is told, perhaps twice.
function F.standing(keys, args)
	local p, scan = prefix(keys), redis.call('ZSCAN', keys[1], args[1], 'COUNT', args[2])
	local r = {OK, scan[1]}
	for i = 1, #scan[2], 2 do
		local kind, id = string.match(scan[2][i], '^(%l):([^\t]*)')
		local b = kind == 'b' and load(p, id)
		if b and b.st ~= 'staged' and b.st ~= 'gone' then
			r[#r + 1] = 'b\t' .. id .. '\t' .. b.st .. '\t' .. string.match(b.d, '^%S*')
		end
		local s = kind == 's' and session_read(p, id)
		if s and s.st == 'open' then
			r[#r + 1] = 's\t' .. id .. '\t' .. s.h
		end
	end
	return table.concat(r, '\n')
end

-- still ids: 0, then a line (id ev) for each that can be seen. ev: the event that told of the end
-- of one before it under that id, or empty. A recorder was told that they have ended: an end makes
-- its record a tombstone in the step that tells of it.
function F.still(keys, args)
	local p, r = prefix(keys), {OK}
	for id in string.gmatch(args[1], '%S+') do
		local head = redis.call('GETRANGE', p .. 'b:' .. id, '0', '7')
		local st = string.match(head, '^(%l+)\t')
		if st == 'live' or st == 'claimed' or st == 'taking' then
			local b = load(p, id)
			r[#r + 1] = id .. '\t' .. (b and b.ev or '')
		end
	end
	return table.concat(r, '\n')
end

-- end_again id tag cause who outcome: 0; ENOENT: the evidence says that this blob has ended, and
-- the store, which went back, has it still. The event says that it is such an end. A claim, or a
-- take, that the store does not know any more ends what is live alone: whatever else it may be, it
-- knows.
function F.end_again(keys, args)
	local p, cause, us = prefix(keys), args[3], time_us()
	local b = load(p, args[1])
	if not b or b.st == 'staged' or b.st == 'gone' or string.match(b.d, '^%S*') ~= args[2] then
		return ENOENT
	end
	b.again = '1'
	finish(p, b, cause, args[4], us, nil, args[5])
	return OK
end

-- session_end_again sid h cause: 0; ENOENT: the same of a session, and what is bound to it.
function F.session_end_again(keys, args)
	local p = prefix(keys)
	local s = session_read(p, args[1])
	if not s or s.st ~= 'open' or s.h ~= args[2] or not STATE_OF[args[3]] then
		return ENOENT
	end
	session_end(p, s, STATE_OF[args[3]], time_us())
	return OK
end

-- outbox pos max: {0, last, entries}: the last id that this outbox ever gave, and its first
-- entries, at most max, up to pos. The one answer that is a table: entries are made of any bytes,
-- and it is asked only when a recorder takes up its work.
function F.outbox(keys, args)
	local key, last = prefix(keys) .. 'out', '0-0'
	if redis.call('EXISTS', key) == 1 then
		local info = redis.call('XINFO', 'STREAM', key)
		for i = 1, #info, 2 do
			if info[i] == 'last-generated-id' then
				last = info[i + 1]
			end
		end
	end
	return {0, last, redis.call('XRANGE', key, '-', args[1], 'COUNT', args[2])}
end

end
