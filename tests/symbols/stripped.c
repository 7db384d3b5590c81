/* A server without its symbol table. Fault: has no symbol table. */
typedef int nothing;
