-- server.lua: what servers ask and tell of the store itself, and the recorder's lease.

-- time: 0, ms
local function f_time()
	return OK .. '\n' .. text(time_ms(time_us()))
end

-- attested slug who: 0: for the evidence: what a server found out about the store's volatility. who: the operator who vouches for it.
local function f_attested(keys, args)
	local who = string.gsub(args[2], '\t', ' ') -- it is what an operator wrote
	event(prefix(keys), 'e\tattestation\tc\t' .. args[1] .. '\tw\t' .. who .. '\tat\t' .. text(time_ms(time_us())))
	return OK
end

-- recorder token lease_ms epoch caught_ms declare(1/0) pos n head: 0, now_ms, epoch, mine(1/0), caught_ms, by, pos, n, head, the last five as they
-- stood before. Who holds the lease writes the evidence of this store; lease_ms 0 gives it back. The store's epoch is drawn once: another one later
-- means that this is not the store it was. declare: before it writes, the holder says up to where its file may go; it stays when the lease
-- ends, so that whoever comes next knows what may be recorded already. n, head: of its last checkpoint, for the servers that wait.
local function f_recorder(keys, args)
	local p, now = prefix(keys), time_ms(time_us())
	redis.call('SET', p .. 'epoch', args[3], 'NX')
	local epoch, key, mine = redis.call('GET', p .. 'epoch'), p .. 'rec', '0'
	local v = redis.call('HMGET', key, 'token', 'until', 'caught', 'by', 'pos', 'n', 'head')
	if not v[1] or v[1] == args[1] or now >= tonumber(v[2]) then
		if args[2] == '0' then
			redis.call('HDEL', key, 'token', 'until', 'caught')
		else
			mine = '1'
			redis.call('HSET', key, 'token', args[1], 'until', text(now + tonumber(args[2])), 'caught', args[4])
		end
		if args[5] == '1' then
			redis.call('HSET', key, 'by', args[1], 'pos', args[6], 'n', args[7], 'head', args[8])
		end
	end
	return table.concat({OK, text(now), epoch, mine, v[3] or '0', v[4] or '', v[5] or '', v[6] or '0', v[7] or ''}, '\n')
end

-- outbox pos max: {0, last, entries}: the last id that this outbox ever gave, and its first entries, at most max, up to pos. The one answer that is a
-- table: entries are made of any bytes, and it is asked only when a recorder takes up its work.
local function f_outbox(keys, args)
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
