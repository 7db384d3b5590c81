#!/bin/bash
# Shows, on this machine and from start to end, that the buffer keeps its promises; one line for
# each thing proved.
#   tests/demo/demo.sh [FILE...]     your own files take the same way, besides the specimens
# It starts a server of its own and leaves nothing behind. Anything not as promised ends it with the
# log shown.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
bin=${TIMEGLAS_BIN_DIR:-$top/build/release}
dir=$(mktemp -d "${TMPDIR:-/tmp}/timeglas-demo.XXXXXX")
server_pid=
proved=0

green='' red='' dim='' plain=''
[ ! -t 1 ] || green=$'\e[32m' red=$'\e[31m' dim=$'\e[2m' plain=$'\e[0m'

finish() {
	local status=$?
	trap - EXIT
	if [ -n "$server_pid" ] && kill -TERM "$server_pid" 2>/dev/null; then
		wait "$server_pid" || true
	fi
	rm -rf "$dir"
	exit $status
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

note() { echo "${dim}        $*${plain}"; }
proof() { proved=$((proved + 1)); echo "${green}proved${plain}  $*"; }
fail() {
	echo "${red}FAILED${plain}  $*" >&2
	for log in "$dir"/srv/timeglasd.log "$dir"/server.err "$dir"/answer; do
		[ -s "$log" ] || continue
		echo "--- the end of $(basename "$log"):" >&2
		tail -n 30 "$log" >&2
	done
	exit 1
}
trap 'fail "line $LINENO: $BASH_COMMAND"' ERR
set -E

# as PEER ARGUMENTS...: the command-line client with that peer's certificate
as() {
	local peer=$1
	shift
	local cert="TIMEGLAS_${peer}_CERT" key="TIMEGLAS_${peer}_KEY"
	TIMEGLAS_CERT=${!cert} TIMEGLAS_KEY=${!key} XDG_STATE_HOME=$dir/state "$bin/timeglas" "$@"
}

# refused PEER ARGUMENTS...: the same, where the server must refuse; its words stand in $dir/answer
refused() {
	local status=0
	as "$@" >"$dir/answer.out" 2>"$dir/answer" || status=$?
	[ $status = 1 ] || fail "expected a refusal (exit status 1) of: $* (exit status $status)"
	# A refusal must not come with content, neither on standard output nor in the file that was
	# asked for.
	[ ! -s "$dir/answer.out" ] || fail "a refusal came with output: $*"
}

# cause WORD: does the last refusal name it?
cause() { grep -q -- "$1" "$dir/answer" || fail "the refusal does not name its cause '$1'"; }
# quote: the refusal's sentence, from the client's words or a problem document
quote() {
	case $(head -c 1 "$dir/answer") in
	'{')
		detail='import json, sys; print(json.load(sys.stdin)["detail"])'
		note "it says: $(python3 -c "$detail" <"$dir/answer")"
		;;
	*) note "it says: $(sed -n '2s/^ *//p' "$dir/answer")" ;;
	esac
}

holds_bytes=$(PYTHONDONTWRITEBYTECODE=1 python3 "$top/tests/system/store_form.py")
redis() { redis-cli -s "$TIMEGLAS_REDIS_SOCKET" "$@"; }
# keys PATTERN: how many keys Redis physically holds of that form
keys() { redis --scan --pattern "$1" | sed '/^$/d' | wc -l; }
# chunks_of ID: how many strings hold bytes of that blob; without an ID, of any
chunks_of() { redis EVAL "$holds_bytes" 0 | grep -c "{.*${1-}" || :; }
size_of() { stat -c %s "$1"; }

# The deadline index over all shards: what still is to be erased
due() {
	local shard
	for shard in $(seq 0 63); do printf 'ZCARD tg:{%02x}:dl\n' "$shard"; done | redis |
		awk '{ n += $1 } END { print n }'
}

# until_gone ID: waits until the server says so; at most ten seconds
until_gone() {
	for _ in $(seq 200); do
		! as VERIFIER --json stat "$1" | grep -Eq '"state": ?"gone"' || return 0
		sleep 0.05
	done
	fail "$1 is still there"
}

make_specimens() {
	export GST_REGISTRY=$dir/gstreamer # else it would write one below the home directory
	"$here/specimen.py" face >"$dir/face.rgb"
	gst-launch-1.0 -q filesrc location="$dir/face.rgb" blocksize=921600 ! \
		rawvideoparse format=rgb width=480 height=640 ! \
		videoconvert ! jpegenc ! filesink location="$dir/face.jpg"
	"$here/specimen.py" passport DNK "$dir/face.jpg" >"$dir/danish.lds"
	"$here/specimen.py" passport UTO "$dir/face.jpg" >"$dir/foreign.lds"
	# Noise, because no encoder can make that small: eight seconds come to several MiB.
	gst-launch-1.0 -q videotestsrc num-buffers=200 pattern=snow ! \
		video/x-raw,width=640,height=480,framerate=25/1 ! \
		x264enc bitrate=6000 speed-preset=veryfast ! mp4mux ! \
		filesink location="$dir/liveness.mp4"
	mrz() { "$here/specimen.py" mrz "$1" | sed -n 1p; }
	note "danish passport  $(size_of "$dir/danish.lds") bytes: $(mrz DNK)"
	note "foreign passport $(size_of "$dir/foreign.lds") bytes: $(mrz UTO)"
	note "liveness video   $(size_of "$dir/liveness.mp4") bytes of MP4"
	[ "$(size_of "$dir/liveness.mp4")" -gt 3000000 ]
}

start_server() {
	"$bin/timeglasd" --dev "$dir/srv" >"$dir/ready" 2>"$dir/server.err" &
	server_pid=$!
	for _ in $(seq 200); do
		! grep -q '^ready https://' "$dir/ready" || break
		kill -0 "$server_pid" 2>/dev/null || fail "the server ended before it was ready"
		sleep 0.05
	done
	grep -q '^ready https://' "$dir/ready" || fail "the server was not ready within ten seconds"
	set -a
	# shellcheck disable=SC1091 # written by the server just started
	. "$dir/srv/env"
	set +a
	note "$(cat "$dir/ready"), with a Redis of its own (pid $TIMEGLAS_REDIS_PID)"
}

# fetch NAME ID ORIGINAL: as a verifier, once, compared byte for byte
fetch() {
	as VERIFIER take "$2" -o "$dir/fetched" 2>"$dir/answer"
	cmp "$3" "$dir/fetched" >"$dir/answer" 2>&1 || fail "$1 came back with other bytes"
	rm "$dir/fetched"
	proof "$1: sealed, held, fetched by the verifier and opened;" \
		"all $(size_of "$3") bytes are the same"
}

for file in "$@"; do
	[ -r "$file" ] || fail "cannot read your file $file"
done
echo "timeglas: a demonstration"
make_specimens
start_server

session=$(as UPLOADER session open 2>"$dir/answer")
note "session opened"
danish=$(as UPLOADER put --kind passport --issuer DNK --session "$session" "$dir/danish.lds" \
	2>"$dir/answer")
foreign=$(as UPLOADER put --kind passport --issuer UTO --session "$session" "$dir/foreign.lds" \
	2>"$dir/answer")
video=$(as UPLOADER put --kind liveness --session "$session" "$dir/liveness.mp4" 2>"$dir/answer")
note "both passports and the video are in the buffer: $(chunks_of) chunks in Redis"

# What the machine's owner would find: every stored byte, searched for what the passports say.
redis --scan --pattern 'tg:{*}:*' | while read -r key; do
	case $key in *:c:*|*:b:*) redis GET "$key" ;; *:s:*) redis HGETALL "$key" ;; esac
done >"$dir/held"
[ "$(size_of "$dir/held")" -gt "$(size_of "$dir/liveness.mp4")" ] ||
	fail "Redis held less than was stored"
for word in 'P<DNK' 'P<UTO' ERIKSSON SPECIMEN 900000017 L898902C3 'JFIF\x00\x01' 'ftyp(mp4|iso)'; do
	! LC_ALL=C grep -aqP "$word" "$dir/held" || fail "Redis holds '$word' in the clear"
done
proof "Redis holds $(size_of "$dir/held") bytes," \
	"and not one name, number, JPEG or MP4 header among them"
rm "$dir/held"

fetch "Danish passport" "$danish" "$dir/danish.lds"
fetch "foreign passport" "$foreign" "$dir/foreign.lds"
fetch "liveness video" "$video" "$dir/liveness.mp4"

for id in "$danish" "$foreign" "$video"; do
	refused VERIFIER take "$id" -o "$dir/again"
	cause consumed
	[ ! -e "$dir/again" ] || fail "a refused fetch left a file"
done
proof "a second fetch of each is refused with its cause"
quote

before=$(chunks_of)
status=$(curl -sS --noproxy '*' --cacert "$TIMEGLAS_CA" \
	--cert "$TIMEGLAS_UPLOADER_CERT" --key "$TIMEGLAS_UPLOADER_KEY" \
	-o "$dir/answer" -w '%{http_code}' -H 'Timeglas-Kind: passport' -H 'Timeglas-Issuer: UTO' \
	-H 'Content-Type: application/octet-stream' --data-binary "@$dir/foreign.lds" \
	"$TIMEGLAS_URL/v1/blobs")
[ "$status" = 415 ] || fail "a plaintext upload was answered $status, not 415"
[ "$(chunks_of)" = "$before" ] || fail "a plaintext upload left bytes in Redis"
proof "an upload in plaintext, by curl, is refused with 415 and leaves no byte"
quote

refused UPLOADER put --kind passport --issuer DNK "$dir/danish.lds"
proof "a Danish passport without a session is refused"
quote

danish=$(as UPLOADER put --kind passport --issuer DNK --session "$session" "$dir/danish.lds" \
	2>"$dir/answer")
[ "$(chunks_of "$danish")" -gt 0 ] || fail "the passport is not in Redis to begin with"
as UPLOADER session close "$session" >"$dir/answer" 2>&1
[ "$(chunks_of "$danish")" = 0 ] || fail "the passport outlived its session in Redis"
refused VERIFIER take "$danish" -o "$dir/again"
cause session-closed
proof "a Danish passport is out of Redis the moment its session closes"
quote

short=$(as UPLOADER put --kind liveness --ttl 2 "$dir/liveness.mp4" 2>"$dir/answer")
[ "$(chunks_of "$short")" -gt 0 ] || fail "the short-lived video is not in Redis to begin with"
start=$EPOCHREALTIME
until_gone "$short"
while [ "$(chunks_of "$short")" != 0 ]; do
	[ $((${EPOCHREALTIME/./} - ${start/./})) -lt 8000000 ] ||
		fail "an expired video stays in Redis"
	sleep 0.02
done
took=$(( (${EPOCHREALTIME/./} - ${start/./}) / 1000 ))
[ $took -lt 5000 ] || fail "a limit of 2 s took $took ms"
refused VERIFIER take "$short" -o "$dir/again"
cause expired
proof "a limit of 2 seconds: $took ms after the upload nothing of it was left in Redis"
quote

as UPLOADER stat "$short" --proof "$dir/kept" >"$dir/answer" 2>&1
pinned=$(cat "$TIMEGLAS_LOG_KEY")

for file in "$@"; do
	name=$(basename "$file")
	id=$(as UPLOADER put --kind face3d "$file" 2>"$dir/answer")
	fetch "your file $name" "$id" "$file"
	refused VERIFIER take "$id" -o "$dir/again"
	cause consumed
done

# Leftovers of a fetch leave the index within two seconds.
for _ in $(seq 100); do
	[ "$(due)" != 0 ] || break
	sleep 0.05
done
[ "$(chunks_of)" = 0 ] || fail "Redis still holds chunks"
[ "$(due)" = 0 ] || fail "the deadline index still holds $(due) entries"
redis --scan --pattern 'tg:{*}:[bs]:*' |
	while read -r key; do redis HGETALL "$key"; done >"$dir/tombstones"
for word in DNKSPECIMEN ERIKSSON SPECIMEN 900000017 L898902C3; do
	! grep -aqF "$word" "$dir/tombstones" || fail "a tombstone holds '$word'"
done
proof "at the end Redis holds 0 chunks and 0 deadlines;" \
	"$(keys 'tg:{*}:[bs]:*') tombstones say what ended when and why, of whom nothing"

redis_pid=$TIMEGLAS_REDIS_PID
kill -TERM "$server_pid"
status=0
wait "$server_pid" || status=$?
server_pid=
[ $status = 0 ] || fail "the server ended with status $status"
! kill -0 "$redis_pid" 2>/dev/null || fail "Redis outlived the server"
proof "the server stopped with status 0, and its Redis with it"

rm -r "$dir/srv"
"$bin/timeglas" audit receipt --key "$pinned" "$dir/kept" >"$dir/answer"
grep -q '^VERDICT: GOOD' "$dir/answer" || fail "the proof that was kept is not good"
grep -q 'cause *expired' "$dir/answer" || fail "the proof that was kept is of another end"
proof "without server or log: the proof that was kept of the video's end is good"
echo "$proved things shown, none failed"
