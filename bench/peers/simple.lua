-- Does the same as handler.lua in the form that one writes first: every body is one Lua string.
local tcp = ngx.socket.tcp
local get_method, read_body = ngx.req.get_method, ngx.req.read_body
local get_body_data = ngx.req.get_body_data
local print, exit, var, header = ngx.print, ngx.exit, ngx.var, ngx.header
local sub, byte, tonumber = string.sub, string.byte, tonumber

local POOL = { pool_size = 256 }
local M = {}

local function connect()
	local sock = tcp()
	local ok, err = sock:connect(var.redis, POOL)
	if not ok then
		ngx.log(ngx.ERR, "redis: ", err)
		return exit(503)
	end
	return sock
end

local function put(key)
	read_body()
	local body = get_body_data()
	if not body then
		return exit(400)
	end
	local sock = connect()
	sock:send({
		"*5\r\n$3\r\nSET\r\n$", #key, "\r\n", key, "\r\n$", #body, "\r\n", body,
		"\r\n$2\r\nPX\r\n$8\r\n86400000\r\n",
	})
	local line, err = sock:receive()
	if line ~= "+OK" then
		ngx.log(ngx.ERR, "redis: ", line or err)
		return exit(507)
	end
	sock:setkeepalive()
	ngx.status = 201
	header.content_length = 7
	print("stored\n")
end

local function take(key)
	local sock = connect()
	sock:send({ "*2\r\n$6\r\nGETDEL\r\n$", #key, "\r\n", key, "\r\n" })
	local line, err = sock:receive()
	local n = line and byte(line) == 36 and tonumber(sub(line, 2)) -- "$"
	if not n then
		ngx.log(ngx.ERR, "redis: ", line or err)
		return exit(503)
	end
	if n < 0 then
		sock:setkeepalive()
		return exit(410)
	end
	local body = sock:receive(n)
	sock:receive(2)
	sock:setkeepalive()
	header.content_length = n
	print(body)
end

function M.serve()
	local key, method = sub(var.uri, 4), get_method()
	if method == "PUT" then
		return put(key)
	elseif method == "POST" then
		return take(key)
	end
	return exit(405)
end

return M
