/*
 * step_check.h: the Function library with a check around it: each change of a record's state that a
 * function makes must be a step of server/store/schema.def (from, by, to, event, cause), and the
 * events that a call writes must be those of its steps. Whatever breaks this ends the call with an
 * error reply. tg2_steps_seen answers which steps have been made, one a line.
 */
#ifndef TEST_STEP_CHECK_H
#define TEST_STEP_CHECK_H

#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "store/schema.h"

extern const char store_functions_lua[];
extern const unsigned store_functions_lua_len;

/* Stands between the library's first line and the rest, which then uses this redis, not Redis's. */
static const char step_check_lua[] =
	"local function real() return redis end\n"
	"local by, added, steps\n"
	"local seen = {}\n"
	/* the word right before the first TAB; a tombstone's cause */
	"local function state_of(key)\n"
	"	local v = real().call('GETRANGE', key, '0', '2047')\n"
	"	local state = string.match(v, '^[^\\t]-(%a+)\\t') or ''\n"
	"	if state ~= 'gone' then return state, '' end\n"
	"	local n = 0\n"
	"	for field in string.gmatch(v, '([^\\t\\n]*)[\\t\\n]') do\n"
	"		if n == CAUSE_FIELD then return state, field end\n"
	"		n = n + 1\n"
	"	end\n"
	"end\n"
	"local function rows_of(from, to, cause)\n"
	"	local found = {}\n"
	"	for i, row in ipairs(STEPS) do\n"
	"		if row[1] == from and row[3] == to and row[5] == cause then\n"
	"			for who in string.gmatch(row[2], '%S+') do\n"
	"				if who == by or who == 'ANY' then found[#found + 1] = i "
	"end\n"
	"			end\n"
	"		end\n"
	"	end\n"
	"	return found\n"
	"end\n"
	/* A step back within a call needs no event, and the one that it undoes has none. */
	"local function stepped(key, from, to, cause)\n"
	"	local rows = rows_of(from, to, to == 'gone' and cause or '')\n"
	"	if not rows[1] then\n"
	"		local step = from .. ' > ' .. to .. ' ' .. cause .. ' by ' .. by\n"
	"		error({err = 'ERR no such step: ' .. step})\n"
	"	end\n"
	"	rows.key, rows.from, rows.to = key, from, to\n"
	"	for _, earlier in ipairs(steps) do\n"
	"		local back = earlier.from == to and earlier.to == from\n"
	"		if back and earlier.key == key and STEPS[rows[1]][4] == '' then\n"
	"			earlier.done = true\n"
	"		end\n"
	"	end\n"
	"	steps[#steps + 1] = rows\n"
	"end\n"
	"local function around(how, ...)\n"
	"	local words, before = {...}, {}\n"
	"	for i = 2, #words do\n"
	"		if string.match(words[i], '^tg:{%x%x}:b:[^\\t]*$') then\n"
	"			before[words[i]] = state_of(words[i])\n"
	"		end\n"
	"	end\n"
	"	local r = real()[how](...)\n"
	"	if words[1] == 'XADD' and type(r) == 'string' then\n"
	"		added[r] = string.match(words[5], '^e\\t([^\\t]*)')\n"
	"	elseif words[1] == 'XDEL' then\n"
	"		added[words[3]] = nil\n"
	"	end\n"
	"	for key, was in pairs(before) do\n"
	"		local is, cause = state_of(key)\n"
	"		if is ~= was then stepped(key, was, is, cause) end\n"
	"	end\n"
	"	return r\n"
	"end\n"
	/* Have the steps of a call been told of by its events, one each (those of sessions,
	 * subjects, attestation and refused reads are others'), or been taken back with their
	 * event? */
	"local function told()\n"
	"	local left = {}\n"
	"	for _, name in pairs(added) do\n"
	"		local others = {session = 1, subject = 1, attestation = 1, refused = "
	"1}\n"
	"		if not others[string.match(name, '^%a+')] then\n"
	"			left[name] = (left[name] or 0) + 1\n"
	"		end\n"
	"	end\n"
	"	for pass = 1, 2 do\n"
	"		for _, rows in ipairs(steps) do\n"
	"			for _, i in ipairs(rows) do\n"
	"				local name = STEPS[i][4]\n"
	"				if not rows.done and name ~= '' and (left[name] or 0) > 0 "
	"then\n"
	"					left[name], rows.done, rows.name = left[name] - 1, "
	"true, name\n"
	"				elseif not rows.done and name == '' and pass == 2 then\n"
	"					rows.done, rows.name = true, name\n"
	"				end\n"
	"			end\n"
	"		end\n"
	"	end\n"
	"	for _, rows in ipairs(steps) do\n"
	"		for _, i in ipairs(rows) do\n"
	"			if STEPS[i][4] == rows.name then seen[i] = true end\n"
	"		end\n"
	"	end\n"
	"	for _, rows in ipairs(steps) do\n"
	"		if not rows.done then return 'no event tells of a step by ' .. by end\n"
	"	end\n"
	"	for name, n in pairs(left) do\n"
	"		if n > 0 then return 'an event without a step: ' .. name .. ' by ' .. by "
	"end\n"
	"	end\n"
	"end\n"
	"checked = {\n"
	"	call = function(...) return around('call', ...) end,\n"
	"	pcall = function(...) return around('pcall', ...) end,\n"
	"	sha1hex = function(...) return real().sha1hex(...) end,\n"
	"	acl_check_cmd = function(...) return real().acl_check_cmd(...) end,\n"
	"	register_function = function(f)\n"
	"		local callback, name = f.callback, f.function_name\n"
	"		f.callback = function(...)\n"
	"			by, added, steps = string.sub(name, 5), {}, {}\n"
	"			local done, answer = pcall(callback, ...)\n"
	"			local wrong = told()\n"
	"			if wrong then error({err = 'ERR ' .. wrong}) end\n"
	"			if not done then error(answer) end\n"
	"			return answer\n"
	"		end\n"
	"		real().register_function(f)\n"
	"	end,\n"
	"}\n"
	"real().register_function('tg2_steps_seen', function()\n"
	"	local r = {'0'}\n"
	"	for i, row in ipairs(STEPS) do\n"
	"		r[#r + 1] = (seen[i] and '1 ' or '0 ') .. table.concat(row, '|')\n"
	"	end\n"
	"	return table.concat(r, '\\n')\n"
	"end)\n"
	"end\n"
	"local redis = checked\n";

#define STEP_(from, by, to, event, cause) \
	"{'" from "', '" by "', '" to "', '" event "', '" cause "'},\n"

/** step_checked_library(): the library with its check, NUL-terminated; to be freed. */
static inline char *step_checked_library(void)
{
	const size_t cap = store_functions_lua_len + 2 * sizeof step_check_lua + 8192;
	const char *rest = strchr(store_functions_lua, '\n') + 1;
	char *out = malloc(cap);
	struct text t = text_in(out, cap);

	text_add_n(&t, store_functions_lua, (size_t)(rest - store_functions_lua));
	text_add(&t,
		"local checked\ndo\nlocal STEPS = {" STORE_STEPS(STEP_) "}\nlocal CAUSE_FIELD = ");
	text_num(&t, STORE_FIELD_CAUSE);
	text_join(&t, "\n", step_check_lua, rest);
	return out;
}

#endif
