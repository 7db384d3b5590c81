/* chain_int.h: the fixed texts of a line, in their order, for chain_write.c and chain_scan.c alone.
 */
#ifndef TG_CORE_CHAIN_INT_H
#define TG_CORE_CHAIN_INT_H

#include "core/chain.h"

#define CHAIN_M_N "{\"n\":"
#define CHAIN_M_TIME ",\"time\":\""
#define CHAIN_M_ID ",\"id\":\""
#define CHAIN_M_EVENT ",\"event\":\""
#define CHAIN_M_TAG ",\"tag\":\""
#define CHAIN_M_TAG_BEFORE ",\"ref\":\"" /* the tag's name in older lines */
#define CHAIN_M_KIND ",\"kind\":\""
#define CHAIN_M_DK ",\"dk\":"
#define CHAIN_M_SUBJECT ",\"subject\":\""
#define CHAIN_M_SIZE ",\"size\":"
#define CHAIN_M_DEADLINE ",\"deadline\":\""
#define CHAIN_M_LEASE ",\"lease\":\""
#define CHAIN_M_CAUSE ",\"cause\":\""
#define CHAIN_M_LATE ",\"late_us\":"
#define CHAIN_M_OUTCOME ",\"outcome\":\""
#define CHAIN_M_UPLOADER ",\"uploader\":\""
#define CHAIN_M_TO ",\"to\":\""
#define CHAIN_M_BY ",\"by\":\""
#define CHAIN_M_SESSION ",\"session\":\""
#define CHAIN_M_REASON ",\"reason\":\""
#define CHAIN_M_FIRST ",\"first\":\""
#define CHAIN_M_LAST ",\"last\":\""
#define CHAIN_M_COUNT ",\"count\":"
#define CHAIN_M_MORE ",\"more\":{"
#define CHAIN_M_PREV ",\"prev\":\""
#define CHAIN_M_CHECK ",\"checkpoint\":\""
#define CHAIN_M_EPOCH ",\"epoch\":\""
#define CHAIN_M_POSITIONS ",\"positions\":{"
#define CHAIN_M_ORIGIN ",\"origin\":\""
#define CHAIN_M_ROOT ",\"root\":\""
#define CHAIN_M_NOTE ",\"note\":\""
#define CHAIN_M_KEY ",\"key\":\""
#define CHAIN_M_SIG ",\"sig\":\""

/** Signs the first n bytes of a checkpoint's line. */
void chain_sign(
	const char *p, size_t n, const uint8_t secret[CHAIN_SECRET], uint8_t sig[CHAIN_SIG]);

#endif
