/* An object that must never be part of the server. Fault: holds tg_open_new. */
#include <timeglas/timeglas.h>

extern const void *const forbidden_reference;
__attribute__((used)) const void *const forbidden_reference = (const void *)&tg_open_new;
