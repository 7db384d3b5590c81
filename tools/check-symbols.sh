#!/bin/sh
# Does a server binary hold or import anything with which it could open an envelope?
#   tools/check-symbols.sh BINARY                 exit 1 and the symbols' names when it does
#   tools/check-symbols.sh --must-fail BINARY…    exit 1 when one of these is not stopped (the check's own test)
# It looks at the symbol table and at the dynamic one, so a stripped binary still shows its imports.
# dlopen and dlsym are on the list because with them a symbol needs no import.
set -eu

forbidden='^(crypto_(scalarmult|box|kx|secretbox|secretstream|aead|stream)(_|$)'
forbidden="$forbidden|crypto_core_(hsalsa20|hchacha20|ristretto255|ed25519)"
forbidden="$forbidden|EVP_(Decrypt|Open|Cipher|CIPHER_fetch|CIPHER_CTX_new|PKEY_derive|PKEY_decrypt|PKEY_decapsulate|chacha20|aes_|get_cipherbyname)"
forbidden="$forbidden|(X25519|X448|ECDH_compute_key|DH_compute_key|RSA_private_decrypt|AES_decrypt|ChaCha20)"
forbidden="$forbidden|tg_(open|identity|seal|client|hkdf|x25519)_"
forbidden="$forbidden|dl(open|mopen|sym|vsym)\$)"

symbols() {
	nm --format=posix "$1" 2>/dev/null | cut -d' ' -f1
	nm --format=posix --dynamic "$1" | cut -d' ' -f1
}

# offending BINARY: prints the forbidden names, without symbol versions
offending() {
	[ -x "$1" ] || { echo "check-symbols: no such binary: $1" >&2; exit 2; }
	all=$(symbols "$1" | sed 's/@.*//' | sort -u)
	# A list without main's own imports is no list: then nm did not understand the file.
	echo "$all" | grep -qx '__libc_start_main' || { echo "check-symbols: cannot read symbols of $1" >&2; exit 2; }
	echo "$all" | grep -E "$forbidden" || true
}

if [ "${1:-}" = --must-fail ]; then
	shift
	[ $# -gt 0 ] || { echo "check-symbols: nothing to fail on" >&2; exit 2; }
	for binary in "$@"; do
		found=$(offending "$binary")
		[ -n "$found" ] || { echo "check-symbols: FAILED to notice what $binary holds" >&2; exit 1; }
	done
	echo "check-symbols: the check stops all $# binaries that it must stop"
	exit 0
fi

[ $# = 1 ] || { echo "usage: tools/check-symbols.sh [--must-fail] BINARY" >&2; exit 2; }
found=$(offending "$1")
if [ -n "$found" ]; then
	echo "check-symbols: $1 must not hold or import:" >&2
	echo "$found" | sed 's/^/  /' >&2
	exit 1
fi
echo "check-symbols: $1 holds no symbol that opens an envelope or derives a shared secret"
