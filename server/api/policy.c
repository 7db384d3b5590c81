/* policy.c: see policy.h. Runs in workers. */
#include "api/policy.h"
#include "api/reply.h"

/* NULL: the rule is for a kind without an issuer. */
static const char *class_text(enum tg_issuer_class c)
{
	switch (c) {
	case TG_ISSUER_DANISH:
		return "danish";
	case TG_ISSUER_OTHER:
		return "other";
	default:
		return NULL;
	}
}

static void write_rule(struct jsonw *w, const struct tg_rule *rule)
{
	jsonw_open(w, NULL, '{');
	jsonw_str(w, "kind", rule->kind);
	jsonw_str(w, "issuer", class_text(rule->issuer));
	jsonw_u64(w, "ceiling_s", rule->ceiling_s);
	jsonw_bool(w, "session_bound", rule->session_bound != 0);
	jsonw_close(w, '}');
}

void policy_show(struct call *c)
{
	const struct tg_policy *p = &c->api->conf->policy;
	struct jsonw w = {0};

	jsonw_open(&w, NULL, '{');
	jsonw_open(&w, "retention", '[');
	for (size_t i = 0; i < p->n; i++)
		write_rule(&w, &p->rule[i]);
	jsonw_close(&w, ']');
	jsonw_u64(&w, "lease_max_s", TG_LEASE_MAX_S);
	jsonw_u64(&w, "session_max_s", TG_SESSION_MAX_S);
	jsonw_u64(&w, "session_idle_s", TG_SESSION_IDLE_S);
	jsonw_u64(&w, "session_bound_blobs", TG_SESSION_BOUND_BLOBS);
	jsonw_u64(&w, "session_bound_bytes", TG_SESSION_BOUND_BYTES);
	jsonw_u64(&w, "max_blob_bytes", c->api->conf->max_blob_bytes);
	jsonw_close(&w, '}');
	reply_json(c->req, 200, NULL, &w);
}
