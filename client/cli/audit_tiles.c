/* audit_tiles.c: see audit_tiles.h. Runs in the timeglas command. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cli/audit_tiles.h"
#include "cli/output.h"

int audit_tiles_open(struct sha256 *h, const char *dir, const struct receipt_key *keys,
	size_t n_keys, struct audit_tiles **out)
{
	struct audit_tiles *t = calloc(1, sizeof *t);
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), status = 0;
	struct stat st;

	*out = NULL;
	if (t == NULL)
		status = output_fail(TG_ENOMEM, "%s", tg_strerror(TG_ENOMEM));
	else if (fd < 0 ||
		snprintf(t->checkpoint, sizeof t->checkpoint, "%s/checkpoint", dir) >=
			(int)sizeof t->checkpoint)
		status = output_fail(TG_EIO, "cannot read %s: %s", dir, strerror(errno));
	else if (fstatat(fd, "checkpoint", &st, 0) == 0 && !S_ISREG(st.st_mode))
		status = output_usage("%s is no file", t->checkpoint);
	if (status == 0)
		status = audit_proof_load(h, t->checkpoint, keys, n_keys, &t->head);
	if (status != 0) {
		if (fd >= 0)
			close(fd);
		free(t);
		return status;
	}
	tile_reader_init(&t->reader, fd,
		t->head->is_head && t->head->fault == RECEIPT_GOOD ?
			t->head->receipt.head.checkpoint.size :
			0,
		h);
	*out = t;
	return 0;
}

void audit_tiles_free(struct audit_tiles *t)
{
	if (t == NULL)
		return;
	close(t->reader.dir);
	free(t->head);
	free(t);
}

bool audit_tiles_edge(struct audit_tiles *t, uint64_t size, struct tree_edge *out)
{
	return size <= t->reader.size && tree_edge_read(tile_read_node, &t->reader, size, out) == 0;
}

bool audit_tiles_beside(const char *log, char out[AUDIT_TILES_PATH])
{
	size_t stem = strlen(log);
	char path[AUDIT_TILES_PATH + 16];

	while (stem > 0 && log[stem - 1] >= '0' && log[stem - 1] <= '9')
		stem--;
	if (stem == strlen(log) || stem == 0 || log[stem - 1] != '.')
		stem = strlen(log) + 1; /* it was not rotated */
	if (snprintf(out, AUDIT_TILES_PATH, "%.*s.tiles", (int)stem - 1, log) >= AUDIT_TILES_PATH)
		return false;
	snprintf(path, sizeof path, "%s/checkpoint", out);
	return access(path, R_OK) == 0;
}
