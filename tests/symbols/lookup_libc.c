/* An object that must never be part of the server. Fault: imports dlsym. */
#include <dlfcn.h>

extern const void *const forbidden_reference;
__attribute__((used)) const void *const forbidden_reference = (const void *)&dlsym;
