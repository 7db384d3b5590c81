/*
 * evidence_search.h: looks for events in the evidence file and its rotated files, backwards from
 * the end. Only when a lease was taken, and only for what stands in the store though it should have
 * been trimmed, or ended: seldom more than a few. It reads only. A line that does not read is
 * passed over: whether the file is whole is for tail.h to say.
 */
#ifndef RECORDER_EVIDENCE_SEARCH_H
#define RECORDER_EVIDENCE_SEARCH_H

#include "recorder/entry.h"

struct evidence_search_event {
	struct outbox_event event;
	bool known; /* found: the same event stands in the files, byte by byte */
};

/**
 * Looks for events of one shard; sets `known` of each. Searches no further back than they could
 * stand.
 *
 * @path     of the evidence file
 * @here     epoch of the store of which the file's end tells
 * @epoch    of the store that holds the events
 * @list     n events, oldest first
 * @scratch  overwritten
 *
 * Returns 0, or TG_EIO (errno).
 */
int evidence_search_events(const char *path, const char *here, const char *epoch,
	struct evidence_search_event *list, size_t n, struct entry *scratch);

/* Called for each record, newest first; r is borrowed until return. */
typedef void evidence_search_cb(void *ctx, const struct chain_record *r, unsigned shard);
/**
 * Finds every event of a store that is recorded behind a position.
 *
 * @path, @here, @epoch  as above
 * @from      by shard: that position
 * @since_ms  search no further back than that time of a record
 *
 * Returns 0, or TG_EIO (errno).
 */
int evidence_search_behind(const char *path, const char *here, const char *epoch,
	const struct chain_pos from[CHAIN_SHARDS], int64_t since_ms, evidence_search_cb *cb,
	void *ctx);

#endif
