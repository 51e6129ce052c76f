/* Turns streams into the plans by which their events are checked. */
#include "pipeline/validate/validate_plan.h"

#include "base/assert.h"
#include "config/options/stream_options.h"
#include "event/column.h"
#include "event/path.h"
#include "event/stream.h"
#include "pipeline/validate/field_value.h"
#include "pipeline/validate/identity.h"

#include <stdlib.h>

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static void add_columns(struct validate_plan *plan)
{
    for (size_t i = 0; i < plan->stream->column_count; i++) {
        const struct column_spec *spec = &plan->stream->columns[i];
        if (spec->required) {
            plan->required[i / 64] |= UINT64_C(1) << (i % 64);
        }
        bool is_hashed = spec->fill == FILL_KEY_NAME && spec->key_position >= 0;
        bool for_each = spec->default_now || spec->fill == FILL_UUID || is_hashed;
        if (spec->fill != FILL_NONE && spec->fill != FILL_EVENT_ID && !for_each) {
            plan->fills[plan->fill_count++] = i;
        }
        if (for_each) {
            plan->nows[plan->now_count++] = i;
        }
    }
}

/* False: memory is short; what was made is released with the plan. */
static bool compile(struct validate_plan *plan, const struct stream *stream)
{
    *plan = (struct validate_plan){
        .stream = stream,
        .words = stream->column_count / 64 + 1,
        .nodes = stream->named_sent_paths->number_count, /* no fewer than the other trees' */
        .reject_unknown = stream->options->unknown_fields == UNKNOWN_REJECT,
        .forgives = stream->options->lenient,
        .harmless = field_harmless(stream->options),
    };
    plan->required = calloc(plan->words, sizeof *plan->required);
    plan->fills = calloc(stream->column_count + 1, sizeof *plan->fills);
    plan->nows = calloc(stream->column_count + 1, sizeof *plan->nows);
    if (plan->required == NULL || plan->fills == NULL || plan->nows == NULL) {
        return false;
    }
    add_columns(plan);
    identity_prefix(stream, &plan->key_prefix);
    return !plan->key_prefix.failed;
}

static void release(struct validate_plan *plan)
{
    free(plan->required);
    free(plan->fills);
    free(plan->nows);
    buf_release(&plan->key_prefix);
}

struct validate_plans *validate_plans_new(struct stream *const *streams, size_t count)
{
    struct validate_plans *plans = calloc(1, sizeof *plans + count * sizeof plans->plans[0]);
    for (size_t i = 0; plans != NULL && i < count; i++) {
        struct validate_plan *plan = &plans->plans[i];
        ASSERT_EQUAL(streams[i]->index, i);
        plans->count++;
        if (!compile(plan, streams[i])) {
            validate_plans_free(plans);
            return NULL;
        }
        plans->most.columns = larger(plans->most.columns, streams[i]->column_count);
        plans->most.words = larger(plans->most.words, plan->words);
        plans->most.nodes = larger(plans->most.nodes, plan->nodes);
        plans->most.key_prefix = larger(plans->most.key_prefix, plan->key_prefix.len);
    }
    return plans;
}

void validate_plans_free(struct validate_plans *plans)
{
    for (size_t i = 0; plans != NULL && i < plans->count; i++) {
        release(&plans->plans[i]);
    }
    free(plans);
}
