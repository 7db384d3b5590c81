/* A server that could run what it has written. Fault: has an executable stack. */
typedef int nothing;
