/* Keeps states whose labels come and go: a few of a metric, each with its text as the page shows it. */
#include "base/metrics/metrics_private.h"

#include "base/assert.h"

#include <stdlib.h>

/* A value of a label may be any text. */
void metrics_append_escaped(struct buf *out, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = (uint8_t)text.data[i];
        if (byte == '\n') {
            buf_append_string(out, "\\n");
            continue;
        }
        if (byte == '"' || byte == '\\') {
            buf_append_byte(out, '\\');
        }
        buf_append_byte(out, byte);
    }
}

void metrics_labelled_release(struct metrics_labelled_states *states)
{
    for (size_t i = 0; i < states->made; i++) {
        buf_release(&states->items[i].labels);
    }
    free(states->items);
    *states = (struct metrics_labelled_states){ 0 };
}

/* NULL: memory is short. Those between are without labels until they are set. */
static struct metrics_labelled *item_at(struct metrics_labelled_states *states, size_t index)
{
    if (states->items == NULL) {
        states->items = calloc(METRICS_LABELLED, sizeof *states->items);
    }
    if (states->items == NULL) {
        return NULL;
    }
    ASSERT_BELOW(index, METRICS_LABELLED);
    states->made = index < states->made ? states->made : index + 1;
    states->count = index < states->count ? states->count : index + 1;
    ASSERT_AT_MOST(states->count, states->made);
    return &states->items[index];
}

void metric_set_labelled(struct metrics *metrics, enum metric metric, size_t index, const struct metric_label *labels,
                         size_t label_count, double value)
{
    ASSERT_EQUAL(metrics->series[metric], 0u);
    if (index >= METRICS_LABELLED) {
        return;
    }
    pthread_mutex_lock(&metrics->mutex);
    struct metrics_labelled *item = item_at(&metrics->labelled[metric], index);
    if (item != NULL) {
        buf_clear(&item->labels);
        for (size_t i = 0; i < label_count; i++) {
            buf_printf(&item->labels, "%s%s=\"", i == 0 ? "" : ",", labels[i].name);
            metrics_append_escaped(&item->labels, labels[i].value);
            buf_append_byte(&item->labels, '"');
        }
        item->value = value;
    }
    pthread_mutex_unlock(&metrics->mutex);
}

void metric_end_labelled(struct metrics *metrics, enum metric metric, size_t index)
{
    pthread_mutex_lock(&metrics->mutex);
    struct metrics_labelled_states *states = &metrics->labelled[metric];
    states->count = index < states->count ? index : states->count;
    pthread_mutex_unlock(&metrics->mutex);
}
