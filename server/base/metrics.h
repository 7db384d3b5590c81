/*
 * metrics.h: counters, gauges and histograms of all processes of one server, in memory that the
 * master maps before it forks. Each process writes a slot of its own, without locks; whoever reads
 * sums over the slots. Names and help texts stand in the tables below, as Prometheus has them.
 */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include <stdint.h>
#include <stddef.h>

#include "core/refused.h"

#define METRICS_REFUSED_(X, id, text, ...) \
	X(M_REFUSED_##id, "timeglas_refused_reads_total{reason=\"" text "\"}", \
		"reads refused, by reason")

/* X(id, name with labels, help). Those of one name stand together. */
#define METRICS_COUNTERS(X) \
	X(M_CONNECTIONS, "timeglas_connections_total", "TLS connections accepted") \
	X(M_TLS_REFUSED, "timeglas_tls_refused_total", "TLS handshakes that failed") \
	X(M_REQUESTS_2XX, "timeglas_requests_total{status=\"2xx\"}", "requests by status class") \
	X(M_REQUESTS_4XX, "timeglas_requests_total{status=\"4xx\"}", "requests by status class") \
	X(M_REQUESTS_5XX, "timeglas_requests_total{status=\"5xx\"}", "requests by status class") \
	X(M_BYTES_IN, "timeglas_request_bytes_total", "content bytes received") \
	X(M_BYTES_OUT, "timeglas_response_bytes_total", "content bytes sent") \
	X(M_STORED, "timeglas_blobs_stored_total", "blobs committed") \
	X(M_TAKEN, "timeglas_blobs_ended_total{cause=\"consumed\"}", "blobs ended, by cause") \
	X(M_ERASED, "timeglas_blobs_ended_total{cause=\"erased\"}", "blobs ended, by cause") \
	X(M_EXPIRED, "timeglas_blobs_ended_total{cause=\"expired\"}", "blobs ended, by cause") \
	X(M_SESSION_ENDED, "timeglas_blobs_ended_total{cause=\"session\"}", \
		"blobs ended, by cause") \
	X(M_LEASE_EXPIRED, "timeglas_blobs_ended_total{cause=\"lease-expired\"}", \
		"blobs ended, by cause") \
	X(M_ABORTED, "timeglas_blobs_ended_total{cause=\"aborted\"}", "blobs ended, by cause") \
	X(M_LOST, "timeglas_blobs_ended_total{cause=\"store-lost\"}", "blobs ended, by cause") \
	X(M_GUARD_REFUSED, "timeglas_guard_refused_total", \
		"uploads refused by the envelope guard") \
	REFUSED_REASONS(METRICS_REFUSED_, X) \
	X(M_STORE_LOST, "timeglas_store_disconnects_total", "connections to the store lost") \
	X(M_RECORDED, "timeglas_evidence_records_total", "events written into the evidence file") \
	X(M_PROOFS_SERVED, "timeglas_proofs_total{answer=\"served\"}", \
		"answers to requests for an event's proof") \
	X(M_PROOFS_PENDING, "timeglas_proofs_total{answer=\"pending\"}", \
		"answers to requests for an event's proof") \
	X(M_PROOFS_REFUSED, "timeglas_proofs_total{answer=\"refused\"}", \
		"answers to requests for an event's proof") \
	X(M_PROOFS_AWAY, "timeglas_proofs_total{answer=\"unavailable\"}", \
		"answers to requests for an event's proof") \
	X(M_RESTARTS, "timeglas_process_restarts_total", "child processes restarted") \
	X(M_LOG_DROPPED, "timeglas_log_lines_dropped_total", "log lines that could not be written")

#define METRICS_GAUGES(X) \
	X(G_CONNECTIONS, "timeglas_connections", "connections open now") \
	X(G_UPLOADS, "timeglas_uploads", "uploads under way") \
	X(G_STORE_UP, "timeglas_store_up", "processes whose store connection is up") \
	X(G_STORE_QUEUE, "timeglas_store_queue_bytes", "bytes waiting to be written to the store") \
	X(G_OVERDUE, "timeglas_reaper_backlog", "blobs past their deadline and not yet erased") \
	X(G_ATTESTED, "timeglas_store_attested", \
		"1 while the store is known, or vouched for, to be volatile and not to evict") \
	X(G_WIPING, "timeglas_memory_wiped", \
		"1 while freed memory is overwritten here and in the store, 0 while it is not, " \
		"-1 while that cannot be told") \
	X(G_WITNESSES, "timeglas_witnesses", "witnesses that checkpoints are carried to") \
	X(G_WITNESSES_UP, "timeglas_witnesses_up", \
		"of these, those that cosigned when last asked") \
	X(G_COSIGNED_LINES, "timeglas_witness_cosigned_lines", \
		"lines of the last checkpoint that enough witnesses cosigned") \
	X(G_COSIGNED_AT, "timeglas_witness_cosigned_time_seconds", \
		"when that was, in Unix seconds; 0: not since the courier began") \
	X(G_WITNESS_POLICY, "timeglas_witness_policy_valid", \
		"1 while the file of witnesses is in force as it was last read; 0: there is " \
		"none, " \
		"or it was bad and an earlier one is in force") \
	X(G_DRAINING, "timeglas_draining", "1 while the server is shutting down")

/* Why a witness did not cosign: X(id, text). */
#define METRICS_WITNESS_FAILURES(X) \
	X(WITNESS_F_ADDRESS, "address")       /* its name has no address, or that took too long */ \
	X(WITNESS_F_CONNECTION, "connection") /* refused, reset, or it could not be begun */ \
	X(WITNESS_F_TLS, "tls")               /* its certificate, or the handshake */ \
	X(WITNESS_F_TIME, "time")             /* no whole answer in time */ \
	X(WITNESS_F_ANSWER, "answer")         /* not an answer that a witness gives */ \
	X(WITNESS_F_REFUSED, "refused")       /* it answers that it does not cosign */ \
	X(WITNESS_F_SIGNATURE, "signature")   /* no right cosignature by its key */ \
	X(WITNESS_F_HISTORY, "history")       /* it has cosigned something that contradicts this */

/* Histograms: buckets by powers of two of a microsecond, from 16 us to about 17 minutes. */
#define METRICS_HISTOGRAMS(X) \
	X(H_REQUEST_US, "timeglas_request_duration_seconds", \
		"from a request's first byte to its answer's last") \
	X(H_STORE_US, "timeglas_store_call_duration_seconds", \
		"one store call, as its caller sees it") \
	X(H_LATENESS_US, "timeglas_erase_lateness_seconds", "from a deadline to the erasure")

#define X_(id, ...) id,
enum metric_counter { METRICS_COUNTERS(X_) METRICS_N_COUNTERS };
enum metric_gauge { METRICS_GAUGES(X_) METRICS_N_GAUGES };
enum metric_histogram { METRICS_HISTOGRAMS(X_) METRICS_N_HISTOGRAMS };
enum metric_witness_failure { METRICS_WITNESS_FAILURES(X_) METRICS_N_WITNESS_FAILURES };
#undef X_

struct metrics; /* the shared memory */

/** Maps memory for so many processes. NULL without memory. */
struct metrics *metrics_new(unsigned slots);
/** Unmaps it in this process, whose numbers then go nowhere. NULL is harmless. */
void metrics_free(struct metrics *m);
/** Lets this process write that slot from now on. The slot's gauges start at 0, its counters go on.
 * m NULL, as at first: numbers go nowhere. */
void metrics_attach(struct metrics *m, unsigned slot);

/** To be called by the master when the process of that slot has ended: its gauges are 0 from now
 * on, its counters stay. */
void metrics_slot_clear(struct metrics *m, unsigned slot);

/** Adds to a counter of this process. */
void metrics_count(enum metric_counter c, uint64_t by);
/** Sets a gauge of this process; what readers see is the sum over all processes. */
void metrics_gauge_set(enum metric_gauge g, int64_t value);
/** Adds to a gauge of this process; by may be negative. */
void metrics_gauge_add(enum metric_gauge g, int64_t by);
/** Counts one observation, in microseconds, in a histogram of this process. */
void metrics_observe_us(enum metric_histogram h, uint64_t us);

/* Of each witness, by its place in the policy. One process writes: the courier. */

#define METRICS_WITNESSES_MAX 32u
#define METRICS_WITNESS_NAME 64u /* bytes, with the NUL */

/** Names the i-th witness; "": there is none. Its numbers begin at 0 unless it has the name. */
void metrics_witness_name(unsigned i, const char *name);
/** Remembers that it has cosigned so many lines, and when: Unix seconds. */
void metrics_witness_cosigned(unsigned i, uint64_t lines, int64_t at_s);
/** Counts that it did not cosign. */
void metrics_witness_failed(unsigned i, enum metric_witness_failure why);

/** Returns the sum of a counter over all slots. */
uint64_t metrics_counter(const struct metrics *m, enum metric_counter c);
/** Returns the sum of a gauge over all slots. */
int64_t metrics_gauge(const struct metrics *m, enum metric_gauge g);
/** Returns the gauge of one process; 0 for a slot that is not there. */
int64_t metrics_gauge_slot(const struct metrics *m, unsigned slot, enum metric_gauge g);
/** Writes everything in Prometheus's text format 0.0.4, cut to cap bytes. Returns the length of the
 * whole, which may be more than cap. */
size_t metrics_prometheus(const struct metrics *m, char *buf, size_t cap);

#endif
