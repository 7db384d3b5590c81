/*
 * curl_late.c: libcurl for the timeglas command, loaded with the first request. It brings thirty
 * libraries along (GnuTLS, Kerberos, LDAP, SSH), which take longer to start than a proof takes to
 * be checked, and which nothing that works offline should have in its process. The library calls
 * libcurl by its own names; here these are forwarded. Only the command is linked with this file:
 * libtimeglas depends on libcurl as ever. Runs in the timeglas command.
 */
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>
#include <dlfcn.h>
#include <stdarg.h>
#include <stddef.h>

#define LIBCURL "libcurl.so.4"

/* What an option's value is read as, and forwarded as: each is a pointer, a long or a curl_off_t,
 * so it has 64 bits where this program runs. */
_Static_assert(sizeof(void *) == sizeof(curl_off_t) && sizeof(long) == sizeof(curl_off_t), "LP64");

#define CALLS(X) \
	X(CURLcode, curl_global_init, (long)) \
	X(void, curl_global_cleanup, (void)) \
	X(CURL *, curl_easy_init, (void)) \
	X(void, curl_easy_cleanup, (CURL *)) \
	X(void, curl_easy_reset, (CURL *)) \
	X(CURLcode, curl_easy_perform, (CURL *)) \
	X(CURLcode, curl_easy_setopt, (CURL *, CURLoption, ...)) \
	X(CURLcode, curl_easy_getinfo, (CURL *, CURLINFO, ...)) \
	X(CURLHcode, curl_easy_header, \
		(CURL *, const char *, size_t, unsigned, int, struct curl_header **)) \
	X(const char *, curl_easy_strerror, (CURLcode)) \
	X(struct curl_slist *, curl_slist_append, (struct curl_slist *, const char *)) \
	X(void, curl_slist_free_all, (struct curl_slist *))

static struct {
#define MEMBER(type, name, args) type(*name) args;
	CALLS(MEMBER)
#undef MEMBER
} late;

static int look_up(void)
{
	void *lib = dlopen(LIBCURL, RTLD_NOW | RTLD_LOCAL);
	int whole = lib != NULL;

	if (!whole)
		return 0;
#define LOOK_UP(type, name, args) \
	*(void **)&late.name = dlsym(lib, #name); \
	whole = whole && late.name != NULL;
	CALLS(LOOK_UP)
#undef LOOK_UP
	return whole;
}

/* One of the next three is the first call; nothing else follows when it fails. */
static int load(void)
{
	static int loaded;

	loaded = loaded || look_up();
	return loaded;
}

CURLcode(curl_global_init)(long flags)
{
	return load() ? late.curl_global_init(flags) : CURLE_FAILED_INIT;
}

void(curl_global_cleanup)(void)
{
	late.curl_global_cleanup();
}

CURL *(curl_easy_init)(void)
{
	return load() ? late.curl_easy_init() : NULL;
}

void(curl_easy_cleanup)(CURL *curl)
{
	if (curl != NULL)
		late.curl_easy_cleanup(curl);
}

void(curl_easy_reset)(CURL *curl)
{
	late.curl_easy_reset(curl);
}

CURLcode(curl_easy_perform)(CURL *curl)
{
	return late.curl_easy_perform(curl);
}

CURLcode(curl_easy_setopt)(CURL *curl, CURLoption option, ...)
{
	va_list ap;
	void *value;

	va_start(ap, option);
	value = va_arg(ap, void *);
	va_end(ap);
	return late.curl_easy_setopt(curl, option, value);
}

CURLcode(curl_easy_getinfo)(CURL *curl, CURLINFO info, ...)
{
	va_list ap;
	void *value;

	va_start(ap, info);
	value = va_arg(ap, void *);
	va_end(ap);
	return late.curl_easy_getinfo(curl, info, value);
}

CURLHcode(curl_easy_header)(CURL *curl, const char *name, size_t index, unsigned origin,
	int request, struct curl_header **out)
{
	if (late.curl_easy_header == NULL) /* there was no request, and so no answer */
		return CURLHE_MISSING;
	return late.curl_easy_header(curl, name, index, origin, request, out);
}

const char *(curl_easy_strerror)(CURLcode rc)
{
	return load() ? late.curl_easy_strerror(rc) : LIBCURL " cannot be loaded";
}

struct curl_slist *(curl_slist_append)(struct curl_slist *list, const char *text)
{
	return load() ? late.curl_slist_append(list, text) : NULL;
}

void(curl_slist_free_all)(struct curl_slist *list)
{
	if (list != NULL)
		late.curl_slist_free_all(list);
}
