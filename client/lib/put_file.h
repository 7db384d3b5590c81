/* put_file.h: what tg_put_file() and whoever seals a file for later check of its labels. */
#ifndef TG_LIB_PUT_FILE_H
#define TG_LIB_PUT_FILE_H

#include <stddef.h>

/**
 * Do kind and issuer go together? A kind that the built-in table lacks may still be in the server's
 * policy; a wrong issuer for a known kind is wrong everywhere.
 *
 * @issuer     as it stands in the machine-readable zone; NULL or "": none
 * @canonical  out: the issuer without fillers; "" for none
 *
 * Returns 0, TG_EKIND or TG_EISSUER, with a sentence in why.
 */
int tg_put_labels(const char *kind, const char *issuer, char canonical[4], char *why, size_t cap);

#endif
