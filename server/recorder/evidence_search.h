/*
 * evidence_search.h: looks for events in the evidence file and its rotated files, backwards from
 * the end. That is done only when a lease was taken, for events that are in the store though they
 * should have been trimmed, and for ends that the store has forgotten. It changes no file. It skips
 * a line that cannot be parsed: tail.h checks whether the file is whole.
 */
#ifndef RECORDER_EVIDENCE_SEARCH_H
#define RECORDER_EVIDENCE_SEARCH_H

#include "recorder/entry.h"

struct evidence_search_event {
	struct outbox_event event;
	bool known; /* found: the same event stands in the files, byte by byte */
};

/**
 * Looks for events of one shard, and sets `known` of each. It ends at the checkpoint before which
 * none of them can stand.
 *
 * @path     of the evidence file
 * @here     epoch of the store to which the file's last lines belong
 * @epoch    of the store that holds the events
 * @list     n events, oldest first
 * @scratch  working memory of the caller; overwritten
 *
 * Returns 0, or TG_EIO (errno).
 */
int evidence_search_events(const char *path, const char *here, const char *epoch,
	struct evidence_search_event *list, size_t n, struct entry *scratch);

/* Called for each record, newest first. r: borrowed until return. */
typedef void evidence_search_cb(void *ctx, const struct chain_record *r, unsigned shard);
/**
 * Finds every event of a store that is recorded after a position.
 *
 * @path, @here, @epoch  as above
 * @from      by shard: that position
 * @since_ms  the time of the oldest record that matters, Unix ms
 * @cb        called before return
 *
 * Returns 0, or TG_EIO (errno).
 */
int evidence_search_behind(const char *path, const char *here, const char *epoch,
	const struct chain_pos from[CHAIN_SHARDS], int64_t since_ms, evidence_search_cb *cb,
	void *ctx);

#endif
