/* A library that is not on the list. Fault: links libcurl. */
#include <curl/curl.h>

extern const void *const forbidden_reference;
__attribute__((used)) const void *const forbidden_reference = (const void *)&curl_easy_init;
