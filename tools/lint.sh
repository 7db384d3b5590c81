#!/bin/bash
# Everything that can be said about the sources without running them; `make lint` has already
# compiled them with warnings as errors. Prints what is wrong and ends with status 1 then. Works on
# the files that git knows or would add.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2
export LC_ALL=C.UTF-8
failed=0
includes=(-I. -Iinclude -Iclient -Iserver -Ibuild/debug/gen)

files() {
	git ls-files --cached --others --exclude-standard -- "$@" | while read -r f; do
		[ ! -f "$f" ] || echo "$f"
	done
}
# check NAME COMMAND...: runs it; speaks only when it fails
check() {
	local name=$1 start=$SECONDS out
	shift
	if out=$("$@" 2>&1); then
		echo "lint: $name: ok ($((SECONDS - start)) s)"
	else
		printf '%s\n' "$out"
		echo "lint: $name: FAILED"
		failed=1
	fi
}

with_cppcheck() {
	# its macros make declarations, which cppcheck cannot guess and does not look up in a system
	# header
	local queue
	queue=$(echo "#include <sys/queue.h>" | cc -E -M -xc - | grep -o "/[^ ]*sys/queue.h")
	local list
	mapfile -t list < <(files 'core/*.c' 'server/*.c' 'client/*.c' 'bench/*.c')
	cppcheck --quiet --error-exitcode=1 -j "$(nproc)" --std=c11 \
		--enable=warning,performance,portability --inline-suppr \
		--suppress=missingIncludeSystem --suppress=normalCheckLevelMaxBranches \
		-D_GNU_SOURCE --include="$queue" "${includes[@]}" "${list[@]}"
}

with_clang_tidy() {
	# shellcheck disable=SC2016 # $@ is for the inner shell
	files 'core/*.c' 'server/*.c' 'client/*.c' 'bench/*.c' | xargs -r -n 4 -P "$(nproc)" sh -c \
		'flags=$1; shift; clang-tidy --quiet --warnings-as-errors="*" "$@" -- $flags 2>&1' \
		clang-tidy "-std=gnu11 -D_GNU_SOURCE ${includes[*]}" |
		grep -v 'warnings\? generated'
	return "${PIPESTATUS[1]}"
}

with_mandoc() {
	local list
	mapfile -t list < <(files 'docs/man/*')
	[ ${#list[@]} = 0 ] || mandoc -T lint -W warning "${list[@]}"
}

with_shellcheck() {
	local list
	mapfile -t list < <(files '*.sh' '.ci/run' 'tests/fuzz/run')
	shellcheck -x -e SC2317 "${list[@]}"
}

with_python() {
	files '*.py' tests/run | /usr/bin/python3 -c 'import sys
for path in sys.stdin.read().split():
	compile(open(path, encoding="utf-8").read(), path, "exec")'
}

with_yaml() {
	files 'docs/*.yaml' | /usr/bin/python3 -c 'import sys, yaml
for path in sys.stdin.read().split():
	doc = yaml.safe_load(open(path, encoding="utf-8"))
	assert doc["openapi"].startswith("3.") and doc["paths"], path'
}

# No trailing blanks, no CR, a newline at the end, no source line over 100 columns (a tab is 8).
with_white_space() {
	local bad=0 f
	while read -r f; do
		case $f in
		tests/vectors/* | tests/fixtures/* | tests/fuzz/regression/*) continue ;;
		docs/vectors/sealed/* | *.svg | *.jpg | *.png) continue ;;
		esac
		! grep -nHP '[ \t]+$|\r' "$f" || bad=1
		[ -z "$(tail -c 1 "$f")" ] || { echo "$f: no newline at the end"; bad=1; }
	done < <(files .)
	files '*.[ch]' '*.cc' '*.py' '*.lua' '*.sh' '*.def' '*.map' '*.allow' Makefile \
		.clang-format .clang-tidy .ci tests/run tests/chaos/run tests/fuzz/run bench/peers |
		/usr/bin/python3 -c 'import sys
bad = 0
for path in sys.stdin.read().split():
	for n, line in enumerate(open(path, encoding="utf-8"), 1):
		width = len(line.rstrip("\n").expandtabs(8))
		if width > 100:
			print(f"{path}:{n}: {width} columns; 100 are the limit")
			bad = 1
sys.exit(bad)' || bad=1
	return "$bad"
}

with_clang_format() {
	files '*.[ch]' | xargs -r clang-format --dry-run --Werror
}

# A rule that was broken is said before the process ends: tg_bug(), which alone may call abort().
with_abort() {
	! files 'core/*.[ch]' 'server/*.[ch]' 'client/*.[ch]' 'bench/*.[ch]' |
		grep -vx 'core/bug.c' | xargs -r grep -nP '(?<!\w)abort\(\)'
}

# A system test waits for a condition, wait_for(), or says why time itself must pass, let_pass().
with_sleep() {
	! files 'tests/system/*.py' | grep -vx 'tests/system/harness.py' |
		xargs -r grep -n 'time\.sleep('
}

check "white space" with_white_space
check "abort() without a message" with_abort
check "sleep without a reason" with_sleep
check clang-format with_clang_format
check "shell scripts" with_shellcheck
check "Python scripts" with_python
check "openapi" with_yaml
check "man pages" with_mandoc
check cppcheck with_cppcheck
check clang-tidy with_clang_tidy
exit $failed
