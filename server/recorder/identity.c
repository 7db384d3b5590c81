/* identity.c: see identity.h. It writes no evidence: reconcile.c does. Runs in the recorder. */
#include <string.h>

#include "base/log.h"
#include "base/scoreboard.h"
#include "base/text.h"
#include "recorder/identity.h"

static void on_run(void *ctx, const char *run)
{
	struct identity *id = ctx;

	text_copy(id->run, sizeof id->run, run);
}

void identity_connected(struct identity *id, struct store *s)
{
	id->run[0] = '\0';
	id->same_connection = false;
	(void)store_run_ask(s, on_run, id); /* without an answer the run id is not known */
}

void identity_announce(void)
{
	scoreboard_set_replaced();
	log_error("store-replaced",
		"the store was flushed, or its epoch was written, while its Redis went on: find "
		"out who did that, change the store's password if nobody says so, then restart "
		"timeglasd; until then it says that it is not ready");
}

void identity_saw(struct identity *id, const char *epoch)
{
	const bool same_process =
		id->same_connection || (id->run[0] != '\0' && strcmp(id->run, id->epoch_run) == 0);

	if (id->epoch[0] != '\0' && same_process && strcmp(id->epoch, epoch) != 0) {
		id->replaced = true;
		identity_announce();
	}
	text_copy(id->epoch, sizeof id->epoch, epoch);
	text_copy(id->epoch_run, sizeof id->epoch_run, id->run);
	id->same_connection = true;
}

bool identity_replaced(const struct identity *id)
{
	return id->replaced;
}

void identity_recorded(struct identity *id)
{
	id->replaced = false;
}
