#!/bin/sh
# Gives each function of libsodium in a program another name, as somebody might who wants to hide
# them from `nm`.
#   tests/symbols/rename.sh PROGRAM
set -eu
nm --format=posix "$1" |
	awk '$2 ~ /^[TtRrDd]$/ && $1 ~ /^(crypto|sodium)_/ { print $1, "net_" $1 }' |
	sort -u >"$1.names"
objcopy --redefine-syms="$1.names" "$1"
rm "$1.names"
