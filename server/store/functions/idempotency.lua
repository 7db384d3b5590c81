-- idempotency.lua: what stands under an Idempotency-Key: a hash, "tg:{NN}:i:<hash>".

-- idempotency_begin h what id old keep_ms: 0, id, age_ms, done: what stands under an
-- Idempotency-Key. h: peer and key, hashed; what: the request's description, hashed: another one is
-- EREUSED. The id that comes back is the caller's if nothing stood there, or if it was old, which
-- the caller knows to have come to nothing.
function F.idempotency_begin(keys, args)
	local key, now = prefix(keys) .. 'i:' .. args[1], time_ms(time_us())
	local v = redis.call('HMGET', key, 'f', 'id', 'at', 'done')
	if v[1] and v[1] ~= args[2] then
		return EREUSED
	end
	if v[1] and v[2] ~= args[4] then
		return table.concat({OK, v[2], text(now - tonumber(v[3])), v[4]}, '\n')
	end
	redis.call('HSET', key, 'f', args[2], 'id', args[3], 'at', text(now), 'done', '0')
	redis.call('PEXPIRE', key, text(TOMBSTONE_MS + tonumber(args[5])))
	return table.concat({OK, args[3], '0', '0'}, '\n')
end

-- idempotency_settle h id: 0; EINFLIGHT: somebody else was given the key meanwhile.
function F.idempotency_settle(keys, args)
	local key = prefix(keys) .. 'i:' .. args[1]
	if redis.call('HGET', key, 'id') ~= args[2] then
		return EINFLIGHT
	end
	redis.call('HSET', key, 'done', '1')
	return OK
end

-- idempotency_drop h id: 0; nothing came of it; the key is free again.
function F.idempotency_drop(keys, args)
	local key = prefix(keys) .. 'i:' .. args[1]
	local v = redis.call('HMGET', key, 'id', 'done')
	if v[1] == args[2] and v[2] ~= '1' then
		redis.call('DEL', key)
	end
	return OK
end

-- idempotency_look id: 0, blob; EINFLIGHT; ENOENT: what became of an upload under a key. Its
-- uploader knows of it from now on.
function F.idempotency_look(keys, args)
	if not compared then
		return ECOMPARE
	end
	local p, us = prefix(keys), time_us()
	local b = load(p, args[1])
	if b and b.st == 'staged' then
		return EINFLIGHT
	end
	local settled, _, unsure = load_settled(p, args[1], us)
	b = settled
	if not b then
		return unsure and EINFLIGHT or ENOENT
	end
	if b.st ~= 'gone' then
		b.kn = '1'
		save(p, b)
	end
	return answer(OK, b)
end
