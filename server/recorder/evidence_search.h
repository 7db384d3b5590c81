/* evidence_search.h: events that the store still holds though its outbox was recorded further
 * already: do they stand in our files, or are they others? Reads only. */
#ifndef RECORDER_EVIDENCE_SEARCH_H
#define RECORDER_EVIDENCE_SEARCH_H

#include "recorder/entry.h"

struct evidence_search_event {
	struct outbox_event event;
	bool known; /* the same event stands in the file, byte by byte */
};

/**
 * evidence_search_events(path, here, epoch, list, n, scratch): events of one shard, oldest first,
 * of the store with that epoch: sets known. Searched backwards through path, whose end tells of a
 * store with the epoch `here`, and its rotated files, no further than where they could stand.
 * Returns 0, or TG_EIO (errno).
 */
int evidence_search_events(const char *path, const char *here, const char *epoch,
	struct evidence_search_event *list, size_t n, struct entry *scratch);

/* A record of that store, newest first. */
typedef void evidence_search_cb(void *ctx, const struct chain_record *r, unsigned shard);
/**
 * evidence_search_behind(path, here, epoch, from, since_ms, cb, ctx): every event of the store with
 * that epoch that stands in the files behind from[shard], back to since_ms (the time of a record).
 * path and here as above. Returns 0, or TG_EIO (errno).
 */
int evidence_search_behind(const char *path, const char *here, const char *epoch,
	const struct chain_pos from[CHAIN_SHARDS], int64_t since_ms, evidence_search_cb *cb,
	void *ctx);

#endif
