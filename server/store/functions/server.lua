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

-- recorder token lease_ms epoch head_n head caught_up_ms: 0, now_ms, epoch, mine(1/0), head_n, head, caught_up_ms. Who holds the lease writes the
-- evidence of this store; lease_ms 0 gives it back. The store's epoch is drawn once: another one later means that this is not the store it was.
-- The holder leaves here what the servers that wait want to know.
local function f_recorder(keys, args)
	local p, now = prefix(keys), time_ms(time_us())
	redis.call('SET', p .. 'epoch', args[3], 'NX')
	local epoch, key = redis.call('GET', p .. 'epoch'), p .. 'rec'
	local v = redis.call('HMGET', key, 'token', 'until', 'n', 'head', 'caught')
	if v[1] and v[1] ~= args[1] and now < tonumber(v[2]) then
		return table.concat({OK, text(now), epoch, '0', v[3], v[4], v[5]}, '\n')
	end
	if args[2] == '0' then
		redis.call('DEL', key)
		return table.concat({OK, text(now), epoch, '0', '0', '', '0'}, '\n')
	end
	redis.call('HSET', key, 'token', args[1], 'until', text(now + tonumber(args[2])), 'n', args[4], 'head', args[5], 'caught', args[6])
	redis.call('PEXPIRE', key, args[2])
	return table.concat({OK, text(now), epoch, '1', args[4], args[5], args[6]}, '\n')
end
