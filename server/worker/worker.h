/* worker.h: the data-plane process: listener, TLS, httpd, api, one store connection. Returns its
 * exit status once it has drained. */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H
#include "base/child.h"
int worker_main(const struct child_env *env);
#endif
