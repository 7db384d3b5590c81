-- PUT /b/KEY stores a blob for a day, POST /b/KEY takes it. This is the least that delivers a blob
-- once (GETDEL) and ends it at a deadline (PX): no roles, no envelope guard, no deadline index, no
-- evidence. It speaks Redis's protocol on a pooled cosocket, as lua-resty-redis does, with fewer
-- copies.
local tcp = ngx.socket.tcp
local get_method, read_body = ngx.req.get_method, ngx.req.read_body
local get_body_data = ngx.req.get_body_data
local req_socket = ngx.req.socket
local print, exit, var, header = ngx.print, ngx.exit, ngx.var, ngx.header
local sub, byte, tonumber = string.sub, string.byte, tonumber

-- Larger bodies pass through in slices: a Lua string of 128 KiB or more would be mapped, filled
-- page by page, and unmapped again.
local SLICE = 65536
local PX = "\r\n$2\r\nPX\r\n$8\r\n86400000\r\n"
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

-- A body that does not fit into one slice goes from socket to socket.
local function send_slices(sock, n)
	local client = req_socket()
	while n > 0 do
		local piece = client and client:receive(n < SLICE and n or SLICE)
		if not piece or not sock:send(piece) then
			sock:close()
			return exit(400)
		end
		n = n - #piece
	end
	sock:send(PX)
end

local function put(key)
	local n = tonumber(var.content_length)
	if not n or n == 0 then
		return exit(411)
	end
	local body
	if n <= SLICE then
		read_body()
		body = get_body_data()
	end
	local sock = connect()
	sock:send({
		"*5\r\n$3\r\nSET\r\n$", #key, "\r\n", key, "\r\n$", n, "\r\n",
		body or "", body and PX or "",
	})
	if not body then
		send_slices(sock, n)
	end
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
	header.content_length = n
	while n > 0 do
		local piece = sock:receive(n < SLICE and n or SLICE)
		if not piece or not print(piece) then
			return exit(444)
		end
		n = n - #piece
	end
	sock:receive(2)
	sock:setkeepalive()
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
