/* version.h: the version of this release, of server, library and command line alike. */
#ifndef TIMEGLAS_VERSION_H
#define TIMEGLAS_VERSION_H

#define TG_VERSION "0.1.0"

#endif
