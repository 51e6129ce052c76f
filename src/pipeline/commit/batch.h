/* The strategies of batching: when is a segment full enough? Pure: no clock, no threads; the caller says what time it
 * is.
 *
 * Every strategy has a time bound: max_delay, but ten times that for `size` and `memory`, which would otherwise be
 * `hybrid`; and none lets a segment grow beyond BATCH_LARGEST_BYTES, as it is one INSERT. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define BATCH_LARGEST_BYTES (UINT64_C(1) << 30)

/* What there is to decide on. */
struct batch_state {
    uint64_t rows;
    uint64_t bytes;     /* uncompressed Native, of this stream's open segment */
    uint64_t all_bytes; /* of the open segments of all streams together */
    int64_t opened_ns;  /* when its first row came */
};

/* One per stream; the adaptive strategy moves target_rows and target_delay_ns within the option's bounds. */
struct batch_policy {
    const struct batch_options *options;
    uint64_t target_rows;
    int64_t target_delay_ns;
    double latency_ns; /* moving mean of the store's latency; 0: nothing stored yet */
};

void batch_policy_init(struct batch_policy *policy, const struct batch_options *options);

/* True if the segment should be sealed now. rows == 0 never is. */
bool batch_is_due(const struct batch_policy *policy, const struct batch_state *state, int64_t now_ns);

/* When batch_is_due becomes true by time alone; INT64_MAX if there is nothing to seal. */
int64_t batch_deadline_ns(const struct batch_policy *policy, const struct batch_state *state);

enum batch_answer { BATCH_STORED, BATCH_TOO_MANY_PARTS, BATCH_FAILED };

/* What came of a batch of `rows` rows. Only the adaptive strategy listens: it aims at batches that the store takes in
 * between a quarter and the whole of the time in which the next one gathers. */
void batch_learn(struct batch_policy *policy, enum batch_answer answer, uint64_t rows, int64_t latency_ns);
