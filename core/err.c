/*
 * err.c: looks a code up in the table of errors.h. It formats nothing and logs nothing. Runs in
 * every process, the library and the command line.
 */
#include <stddef.h>
#include <timeglas/errors.h>

struct error_row {
	int code;
	int status;
	int retryable;
	const char *slug;
	const char *text;
};

static const struct error_row ROWS[] = {
#define ROW(name, number, status, slug, retryable, text) {-(number), status, retryable, slug, text},
	TG_ERRORS(ROW)
#undef ROW
};

static const struct error_row *row_of(int code)
{
	for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++)
		if (ROWS[i].code == code)
			return &ROWS[i];
	return NULL;
}

const char *tg_strerror(int code)
{
	const struct error_row *r = row_of(code);
	if (r)
		return r->text;
	return code == TG_OK ? "ok" : "unknown error";
}

const char *tg_error_slug(int code)
{
	const struct error_row *r = row_of(code);
	return r ? r->slug : "internal";
}

int tg_error_status(int code)
{
	const struct error_row *r = row_of(code);
	return r ? r->status : 0;
}

int tg_error_retryable(int code)
{
	const struct error_row *r = row_of(code);
	return r ? r->retryable : 0;
}
