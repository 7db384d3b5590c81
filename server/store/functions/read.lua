-- read.lua: becoming a blob's one reader: take (at most once) and claim (for the length of a
-- lease), and being done with it. And what ends or tells of a blob without reading it. What reads
-- or tells answers ECOMPARE before the store was compared with the evidence: it may have back what
-- was consumed.

-- Why there is nothing for this peer, for the server alone: a client is answered as if nothing
-- stood under the id. An ENOENT without a reason says that nothing does. (core/refused.h)
local NOTHING = {
	not_addressed = ENOENT .. '\nnot-addressed',
	wrong_claim = ENOENT .. '\nwrong-claim',
	of_other = ENOENT .. '\nclaimed-by-other',
}

local UNWANTED = 'x' -- in a tombstone's tk

local function addressed(to, peer)
	return string.find(to, ' ' .. peer .. ' ', 1, true)
end

local function answer(code, b)
	return code .. '\n' .. record(b)
end

-- Somebody reads it already. Whoever claimed it itself is told until when, and nobody else is.
local function claimed_already(b, peer)
	return answer(ECLAIMED, b) .. (b.st == 'claimed' and b.w == peer and '\n' .. b.ld or '')
end

-- A live blob that peer may read, and its session. Otherwise nil, nil and the refusal.
local function open_for(p, id, peer, us)
	local b, s = load_settled(p, id, us)
	if not b then
		return nil, nil, ENOENT
	end
	if not addressed(b.to, peer) then
		return nil, nil, NOTHING.not_addressed
	end
	if b.st == 'gone' then
		return nil, nil, answer(EGONE, b)
	end
	if frozen(p, b.d, us) then
		return nil, nil, EFROZEN
	end
	return b, s
end

-- The blob's bytes are not there any more, though nobody ended it. If its time is over by now, that
-- is because Redis's own expiry came first.
local function lost(p, b, peer)
	local us = time_us()
	if settle(p, b, us).st ~= 'gone' then
		finish(p, b, 'store-lost', peer, us)
	end
	return answer(EGONE, b)
end

-- take id peer token seen: 0, blob as it was, stamp | EINFLIGHT, stamp | EGONE, blob | ECLAIMED,
-- blob, lease deadline where peer has claimed it | EFROZEN | ENOENT, why. The caller has read
-- record and chunk right before; where they are one string the tombstone has erased the chunk, and
-- nothing is left of the blob when this returns. Of any other blob the token names the take of its
-- chunks, each of which is erased when it is read. seen: the last stamp that the caller had been
-- told of before it read; without one it has not read ahead. EINFLIGHT: the blob may have gone live
-- since it read, and nothing has changed; it reads and calls again, with the new stamp.
function F.take(keys, args)
	if not compared then
		return ECOMPARE
	end
	local p, id, peer, us = prefix(keys), args[1], args[2], time_us()
	if args[4] and not live_since(id, tonumber(args[4])) then
		return EINFLIGHT .. '\n' .. stamp_text
	end
	local now = time_ms(us)
	local v = redis.call('GETRANGE', p .. 'b:' .. id, '0', HEAD_LAST)
	local line, u, to, z, dl, d, more = string.match(v, PLAIN)
	if line and now < tonumber(dl) and addressed(to, peer) then
		leave(p, id, u, to, d, z, dl, 'consumed', peer, '', text(now), '',
			private_of_taken(more))
		-- a reaper would do it, too
		redis.pcall('ZREM', keys[1], member_of(id, u, to, z, d, ''))
		return OK .. '\n' .. id .. '\t' .. line .. '\n' .. stamp_text
	end

	local b, s, refused = open_for(p, id, peer, us)
	if not b then
		return refused
	end
	if b.st ~= 'live' then
		return claimed_already(b, peer)
	end
	if not holds_chunk(b) and redis.call('EXISTS', p .. 'c:' .. id .. ':0') == 0 then
		return lost(p, b, peer)
	end
	session_bump(p, s, now)
	local was = answer(OK, b) .. '\n' .. stamp_text
	if holds_chunk(b) then
		leave(p, id, b.u, b.to, b.d, b.z, b.dl, 'consumed', peer, '', text(now), '',
			subject_of(b.d) and private_line('', peer, '', '', '', '', '', '', '', b.f)
				or NO_PRIVATE .. b.f)
		pcall(unlist, p, b, text(now))
		redis.pcall('ZREM', keys[1], member(b))
		return was
	end
	b.st, b.tk, b.w = 'taking', args[3], peer
	redis.call('ZADD', keys[1], text(math.min(tonumber(b.dl), now + TAKING_MS)), member(b))
	local done, why = pcall(step, p, b, event_taking(b.d, peer, b.z, text(now)))
	if not done then -- it is live, until its own deadline
		redis.call('ZADD', keys[1], b.dl, member(b))
		error(why)
	end
	return was
end

-- take_more id token: 0; EGONE: a take of several chunks is still alive.
function F.take_more(keys, args)
	local p, us = prefix(keys), time_us()
	local b = settle(p, load(p, args[1]), us)
	if not b or b.st ~= 'taking' or b.tk ~= args[2] then
		return EGONE
	end
	redis.call('ZADD', p .. 'dl', text(math.min(tonumber(b.dl), time_ms(us) + TAKING_MS)),
		member(b))
	return OK
end

-- take_end id token: 0, blob; EGONE: it has read all it wants; the rest is erased.
function F.take_end(keys, args)
	local p = prefix(keys)
	local b = load(p, args[1])
	if not b or b.st ~= 'taking' or b.tk ~= args[2] then
		return EGONE
	end
	finish(p, b, 'consumed', b.w, time_us())
	return answer(OK, b)
end

-- What a take has read may still be on its way to its reader: from now on it is not wanted there.
local function stop_delivery(p, id)
	local b = load(p, id)
	if b and b.c == 'consumed' and b.th == '' then
		b.tk = UNWANTED
		save(p, b)
	end
end

-- take_wanted id sid bound subject: 0; EGONE: may what a take has read, so that the blob is
-- consumed, still be delivered? Not when somebody has erased it since, or all of its subject, or
-- its session has ended with it; nor while its subject is frozen. subject: its hash, or ''.
function F.take_wanted(keys, args)
	local p, us = prefix(keys), time_us()
	local b = load(p, args[1])
	if not b or b.tk == UNWANTED then
		return EGONE
	end
	if args[2] ~= '' then
		local s = session_load(p, args[2], us)
		if not s or (s.st ~= 'open' and (args[3] == '1' or s.ea == '1')) then
			return EGONE
		end
	end
	if (args[4] or '') ~= '' then
		local taken = b and tonumber(b.ga) or time_ms(us)
		if subject_erased_since(p, args[4], taken) or subject_frozen(p, args[4], us) then
			return EGONE
		end
	end
	return OK
end

-- Are a blob's bytes all there?
local function has_content(p, b)
	if holds_chunk(b) then
		return redis.call('STRLEN', p .. 'b:' .. b.id) == tonumber(b.hd) + tonumber(b.z)
	end
	return have_chunks(p, b.id, tonumber(b.n), tonumber(b.z))
end

-- A transition after which record and chunk are two strings, because from now on they expire at
-- different times: the string that holds both becomes the chunk's, and the record is written anew.
local function part(p, b, what)
	local record, chunk = p .. 'b:' .. b.id, p .. 'c:' .. b.id .. ':0'
	local ev = event(p, what)
	must(p, ev, redis.pcall('RENAME', record, chunk))
	local written = redis.pcall('SET', record, record_text(b), 'PXAT',
		wall_ms(tonumber(b.dl) + TOMBSTONE_MS))
	if written.err then
		redis.call('RENAME', chunk, record)
	end
	must(p, ev, written)
end

-- claim id peer lease_ms th salt ck processor: 0, blob, lease deadline, salt, repeated | EGONE,
-- blob | ECLAIMED, blob, lease deadline where peer has claimed it | EFROZEN | EPROCESSOR | ENOENT,
-- why. th: the hash of the token's secret, which is all that is kept of it. ck: peer and
-- Idempotency-Key hashed, '' none; then salt is what the caller derives the secret from, and who
-- repeats the claim under the same key is given it again. processor '1': a foreign passport or
-- nothing.
function F.claim(keys, args)
	if not compared then
		return ECOMPARE
	end
	local p, id, peer, ck, us = prefix(keys), args[1], args[2], args[6], time_us()
	local now, b, s, refused = time_ms(us), open_for(p, id, peer, us)
	if not b then
		return refused
	end
	if args[7] == '1' and not string.find(b.d, '^%S+ passport 0') then
		return EPROCESSOR
	end
	if b.st == 'claimed' and ck ~= '' and b.ck == ck then
		return table.concat({answer(OK, b), b.ld, b.cs, '1'}, '\n')
	end
	if b.st ~= 'live' then
		return claimed_already(b, peer)
	end
	local ld = math.min(tonumber(b.dl), now + tonumber(args[3]))
	if not has_content(p, b) then
		return lost(p, b, peer)
	end
	session_bump(p, s, now)
	local held = holds_chunk(b)
	b.st, b.w, b.th, b.ld, b.cs, b.ck = 'claimed', peer, args[4], text(ld), args[5], ck
	index(p, member(b), ld, now)
	local what = event_claimed(b.d, peer, b.z, b.dl, b.ld, text(now))
	local done, why = pcall(held and part or step, p, b, what)
	if not done then -- it is live, until its own deadline
		redis.call('ZADD', keys[1], b.dl, member(b))
		error(why)
	end
	-- If it fails, Redis's own expiry stays at the blob's deadline. The claimant must learn of
	-- its claim all the same.
	pcall(seal_chunks, p, id, tonumber(b.n), ld)
	return table.concat({answer(OK, b), b.ld, b.cs, '0'}, '\n')
end

-- A claimant's blob, claimed or gone since, and its session. Otherwise nil, nil and the refusal.
local function load_claim(p, id, peer, th, us)
	local b, s = load_settled(p, id, us)
	if not b then
		return nil, nil, ENOENT
	end
	if b.th == '' or b.th ~= th then
		return nil, nil, NOTHING.wrong_claim
	end
	if b.w ~= peer then
		return nil, nil, NOTHING.of_other
	end
	return b, s
end

-- claim_read id peer th: 0, blob | EGONE, blob | EFROZEN | ENOENT, why: the claimant is about to
-- read the chunks, which stay.
function F.claim_read(keys, args)
	if not compared then
		return ECOMPARE
	end
	local p, us = prefix(keys), time_us()
	local b, s, refused = load_claim(p, args[1], args[2], args[3], us)
	if not b then
		return refused
	end
	if b.st == 'gone' then
		return answer(EGONE, b)
	end
	if frozen(p, b.d, us) then
		return EFROZEN
	end
	session_bump(p, s, time_ms(us))
	return answer(OK, b)
end

-- ack id peer th outcome ak: 0, blob, repeated | EGONE, blob | ENOENT, why: the claimant is done;
-- erased. ak: as claim's ck; repeated under it, the answer is the same.
function F.ack(keys, args)
	if not compared then
		return ECOMPARE
	end
	local p, ak, us = prefix(keys), args[5], time_us()
	local b, _, refused = load_claim(p, args[1], args[2], args[3], us)
	if not b then
		return refused
	end
	if b.st ~= 'gone' then
		b.ak = ak
		finish(p, b, 'consumed', b.w, us, nil, args[4])
		return answer(OK, b) .. '\n0'
	end
	if ak == '' or b.ak ~= ak then
		return answer(EGONE, b)
	end
	return answer(OK, b) .. '\n1'
end

-- refused id peer reason first last count: 0; ENOENT: nothing stands under the id. Puts into the
-- outbox, for the evidence, that reads were refused; nothing else changes. id '': of no blob that
-- is named. The server knows the time to a few ms: no attempt is later than this call.
function F.refused(keys, args)
	local p, id, tag, now = prefix(keys), args[1], '', time_ms(time_us())
	local first, last = math.min(tonumber(args[4]), now), math.min(tonumber(args[5]), now)
	if id ~= '' then
		local b = load(p, id)
		if not b or b.st == 'staged' then
			return ENOENT
		end
		tag = string.match(b.d, '^%S*')
	end
	event(p, event_refused(tag, args[2], args[3], text(first), text(last), args[6], text(now)))
	return OK
end

-- stat id reading: 0, blob; ENOENT; EFROZEN with reading '1' alone: somebody is reading it, and its
-- subject has been frozen.
function F.stat(keys, args)
	if not compared then
		return ECOMPARE
	end
	local p, us = prefix(keys), time_us()
	local b = load_settled(p, args[1], us)
	if b and args[2] == '1' and b.st ~= 'gone' and frozen(p, b.d, us) then
		return EFROZEN
	end
	return b and answer(OK, b) or ENOENT
end

-- erase id uploader: 0, blob | EGONE, blob | ENOENT. uploader '': an operator.
function F.erase(keys, args)
	local p, us = prefix(keys), time_us()
	local b = load_settled(p, args[1], us)
	if not b or (args[2] ~= '' and b.u ~= args[2]) then
		return ENOENT
	end
	if b.st == 'gone' then
		stop_delivery(p, b.id)
		return answer(EGONE, b)
	end
	local taking = b.st == 'taking'
	finish(p, b, 'erased', args[2], us)
	if taking then
		stop_delivery(p, b.id)
	end
	return answer(OK, b)
end
