/* put_file.h: the check of labels that tg_put_file() and the command line's seal share. */
#ifndef TG_LIB_PUT_FILE_H
#define TG_LIB_PUT_FILE_H

#include <stddef.h>

/**
 * Checks that kind and issuer fit together. A kind that the built-in table lacks passes, since the
 * server's policy may have it.
 *
 * @issuer     as it stands in the machine-readable zone; NULL or "": none
 * @canonical  out: the issuer without fillers; "" for none
 * @why        out, on failure: a sentence, cut to cap bytes
 *
 * Returns 0, TG_EKIND or TG_EISSUER.
 */
int tg_put_labels(const char *kind, const char *issuer, char canonical[4], char *why, size_t cap);

#endif
