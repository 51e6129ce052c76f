/* Turns the state of an open segment into "seal it" or "wait until". */
#include "pipeline/commit/batch.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "config/options/batch_options.h"

#include <stddef.h>

#define PATIENCE 10       /* of the strategies that go by size: times max_delay */
#define ADAPTIVE_RANGE 64 /* largest target : smallest */
#define ADAPTIVE_START 8  /* largest target : first */
#define MEAN_WEIGHT 0.25  /* of the newest latency in the moving mean */
#define LEAST_GROWTH 1.25

/* What each strategy looks at. */
static const struct strategy {
    bool any_row;
    bool rows, bytes, all_bytes;
    bool adapts;
    int64_t patience;
} strategies[] = {
    [BATCH_IMMEDIATE] = { .any_row = true, .patience = 0 },
    [BATCH_TIME] = { .patience = 1 },
    [BATCH_SIZE] = { .rows = true, .bytes = true, .patience = PATIENCE },
    [BATCH_HYBRID] = { .rows = true, .bytes = true, .patience = 1 },
    [BATCH_MEMORY] = { .all_bytes = true, .patience = PATIENCE },
    [BATCH_ADAPTIVE] = { .rows = true, .bytes = true, .adapts = true, .patience = 1 },
};

static uint64_t at_least_one(uint64_t value)
{
    return value == 0 ? 1 : value;
}

void batch_policy_init(struct batch_policy *policy, const struct batch_options *options)
{
    const struct strategy *strategy = &strategies[options->strategy];
    uint64_t divisor = strategy->adapts ? ADAPTIVE_START : 1;
    int64_t delay_ns;
    if (__builtin_mul_overflow(options->max_delay_ns, strategy->patience, &delay_ns)) {
        delay_ns = INT64_MAX;
    }
    *policy = (struct batch_policy){
        .options = options,
        .target_rows = at_least_one(options->max_rows / divisor),
        .target_delay_ns = delay_ns / (int64_t)divisor,
    };
}

bool batch_is_due(const struct batch_policy *policy, const struct batch_state *state, int64_t now_ns)
{
    ASSERT_BELOW((size_t)policy->options->strategy, ARRAY_LENGTH(strategies));
    const struct strategy *strategy = &strategies[policy->options->strategy];
    if (state->rows == 0) {
        return false;
    }
    return strategy->any_row || state->bytes >= BATCH_LARGEST_BYTES ||
           (strategy->rows && state->rows >= policy->target_rows) ||
           (strategy->bytes && state->bytes >= policy->options->max_bytes) ||
           (strategy->all_bytes && state->all_bytes >= policy->options->max_bytes) ||
           now_ns >= batch_deadline_ns(policy, state);
}

int64_t batch_deadline_ns(const struct batch_policy *policy, const struct batch_state *state)
{
    int64_t deadline_ns;
    if (state->rows == 0 || __builtin_add_overflow(state->opened_ns, policy->target_delay_ns, &deadline_ns)) {
        return INT64_MAX;
    }
    return deadline_ns;
}

static double clamp(double value, double low, double high)
{
    ASSERT(low <= high);
    return value < low ? low : value > high ? high : value;
}

static void scale(struct batch_policy *policy, double factor)
{
    double most_rows = (double)at_least_one(policy->options->max_rows);
    double most_ns = (double)policy->options->max_delay_ns;
    double rows = clamp((double)policy->target_rows * factor + (factor > 1), most_rows / ADAPTIVE_RANGE, most_rows);
    double delay_ns = clamp((double)policy->target_delay_ns * factor, most_ns / ADAPTIVE_RANGE, most_ns);
    policy->target_rows = at_least_one((uint64_t)rows);
    policy->target_delay_ns = (int64_t)delay_ns;
    ASSERT_AT_MOST(policy->target_rows, at_least_one(policy->options->max_rows));
    ASSERT_AT_MOST(policy->target_delay_ns, policy->options->max_delay_ns);
}

void batch_learn(struct batch_policy *policy, enum batch_answer answer, uint64_t rows, int64_t latency_ns)
{
    if (!strategies[policy->options->strategy].adapts || rows == 0) {
        return;
    }
    if (answer == BATCH_TOO_MANY_PARTS) {
        scale(policy, 2.0);
    }
    if (answer != BATCH_STORED) {
        return;
    }
    double newest = (double)latency_ns;
    policy->latency_ns =
        policy->latency_ns <= 0 ? newest : policy->latency_ns + MEAN_WEIGHT * (newest - policy->latency_ns);
    if (policy->latency_ns > (double)policy->target_delay_ns) {
        /* At once to where it should be: the answers of a slow store come seldom, and small batches make it slower. */
        double factor = policy->latency_ns / (double)policy->target_delay_ns;
        scale(policy, factor < LEAST_GROWTH ? LEAST_GROWTH : factor);
    } else if (policy->latency_ns < (double)policy->target_delay_ns / 4) {
        scale(policy, 0.9);
    }
}
