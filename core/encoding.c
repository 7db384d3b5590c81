/*
 * encoding.c: recognises byte order marks. It reads no file and converts nothing. Runs where a key
 * or certificate file could not be read: in the server, the library and the command line.
 */
#include <string.h>
#include "core/encoding.h"

const char *tg_encoding_fault(const uint8_t *p, size_t n)
{
	if (n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
		return "it begins with a byte order mark: save it as plain ASCII";
	if (n >= 2 && (memcmp(p, "\xff\xfe", 2) == 0 || memcmp(p, "\xfe\xff", 2) == 0))
		return "it is UTF-16: save it as plain ASCII";
	return NULL;
}
