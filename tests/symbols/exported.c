/* A function of a library, replaced for all the other libraries. Fault: exports SSL_read_ex. */
#include <openssl/ssl.h>

int SSL_read_ex(SSL *ssl, void *buf, size_t num, size_t *readbytes)
{
	(void)ssl, (void)buf, (void)num;
	*readbytes = 0;
	return 0;
}
