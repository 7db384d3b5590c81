#!/bin/sh
# Installs the Debian packages that timeglas needs, in groups: build run demo test lint cov fuzz
# bench.
#   tools/deps.sh GROUP…           install what is missing; does nothing, quickly, when nothing is
#   tools/deps.sh --check GROUP…   only say what is missing, and how to get it; exit 1 then
# It never lets a package start its service, and asks apt for nothing but these packages.
set -eu

packages() {
	case $1 in
	build) echo build-essential pkg-config python3 libevent-dev libssl-dev libsodium-dev \
		libhiredis-dev libjemalloc-dev libcurl4-openssl-dev libjansson-dev libinih-dev \
		libseccomp-dev ;;
	run) echo redis-server ;;
	# GStreamer makes the specimen's JPEG and MP4: a third of what ffmpeg would bring along
	demo) echo redis-server redis-tools curl python3 gstreamer1.0-tools \
		gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-ugly ;;
	test) echo redis-server redis-tools age curl openssl python3 python3-pytest python3-yaml \
		libcmocka-dev zlib1g-dev valgrind strace python3-cryptography golang-go \
		golang-golang-x-mod-dev ;;
	lint) echo clang-format cppcheck clang-tidy mandoc shellcheck python3-yaml git ;;
	cov) echo gcovr ;;
	fuzz) echo clang ;;
	bench) echo age gnuplot-nox redis-tools nginx libnginx-mod-http-lua webdis ;;
	*) echo "deps: no group '$1': use build run demo test lint cov fuzz bench" >&2; exit 2 ;;
	esac
}

check=no
if [ "${1:-}" = --check ]; then check=yes; shift; fi
[ $# -gt 0 ] || { echo "usage: tools/deps.sh [--check] GROUP..." >&2; exit 2; }
wanted=
for group in "$@"; do
	list=$(packages "$group")
	wanted="$wanted $list"
done

if ! command -v dpkg-query >/dev/null; then
	echo "deps: this is no Debian; it takes the likes of:$wanted" >&2
	exit 0 # the compiler will name what is really missing
fi

missing=
for p in $wanted; do
	case " $missing " in *" $p "*) continue ;; esac
	status=$(dpkg-query -W -f '${Status}' "$p" 2>/dev/null || true)
	[ "$status" = "install ok installed" ] || missing="$missing $p"
done
[ -n "$missing" ] || exit 0

if [ $check = yes ]; then
	echo "missing packages:$missing" >&2
	echo "run: make deps" >&2
	exit 1
fi

if [ "$(id -u)" = 0 ]; then
	as_root=
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
	as_root="sudo -n"
else
	echo "missing packages; as root, run:" >&2
	echo "  apt-get update && apt-get install --no-install-recommends$missing" >&2
	exit 1
fi

# A package's service must not start only because its program is wanted: redis would take port 6379.
policy=${TIMEGLAS_POLICY_RC:-/usr/sbin/policy-rc.d} # another one only for tests
if [ ! -e "$policy" ] && [ ! -L "$policy" ]; then
	trap '$as_root rm -f "$policy"' EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
	$as_root chmod 755 "$policy"
fi

install() {
	# shellcheck disable=SC2086 # both are lists
	$as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get install -y -qq --no-install-recommends $missing
}
echo "installing:$missing"
# The package lists are fetched only when there are none, or when those there are no longer lead to
# a package.
# shellcheck disable=SC2086
known=$(apt-cache policy $missing 2>/dev/null | grep -c 'Candidate: [^(]' || true)
if [ "$known" -lt "$(echo "$missing" | wc -w)" ] || ! install; then
	$as_root apt-get update -qq
	install
fi
