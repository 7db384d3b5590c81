/* A server that could call the kernel with any number. Fault: imports syscall. */
#include <unistd.h>

extern const void *const forbidden_reference;
__attribute__((used)) const void *const forbidden_reference = (const void *)&syscall;
