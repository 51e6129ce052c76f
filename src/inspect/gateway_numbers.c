/* Turns a gateway's page of metrics into numbers. */
#include "inspect/gateway_numbers.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/plain_text.h"
#include "inspect/metrics_text.h"

#include <stdlib.h>

#define OF(kind) (1u << (kind))

/* Which series become which number; the label of each kind. A number that is of streams is summed up in `all`. */
static const char *const labels[NUMBERS_KINDS] = {
    [NUMBERS_STREAMS] = "stream",
    [NUMBERS_PROTOCOLS] = "protocol",
    [NUMBERS_REASONS] = "reason",
    [NUMBERS_SERVERS] = "server",
};

#define DOORS (OF(NUMBERS_STREAMS) | OF(NUMBERS_PROTOCOLS))

static const struct series {
    const char *name;
    enum number number;
    unsigned kinds;
} of_rows[] = {
    { "sluice_events_received_total", NUMBER_RECEIVED, DOORS },
    { "sluice_events_accepted_total", NUMBER_ACCEPTED, DOORS },
    { "sluice_events_duplicate_total", NUMBER_DUPLICATE, DOORS },
    { "sluice_events_rejected_total", NUMBER_REJECTED, DOORS | OF(NUMBERS_REASONS) },
    { "sluice_events_dropped_total", NUMBER_DROPPED, DOORS | OF(NUMBERS_REASONS) },
    { "sluice_events_in_flight", NUMBER_IN_FLIGHT, DOORS },
    { "sluice_events_recovered_total", NUMBER_RECOVERED, OF(NUMBERS_STREAMS) },
    { "sluice_events_stored_total", NUMBER_STORED, OF(NUMBERS_STREAMS) },
    { "sluice_events_dead_lettered_total", NUMBER_DEAD_LETTERED, OF(NUMBERS_STREAMS) },
    { "sluice_events_damaged_total", NUMBER_DAMAGED, OF(NUMBERS_STREAMS) },
    { "sluice_insert_failures_total", NUMBER_INSERT_FAILURES, OF(NUMBERS_STREAMS) },
    { "sluice_journal_events", NUMBER_JOURNAL_EVENTS, OF(NUMBERS_STREAMS) },
    { "sluice_journal_bytes", NUMBER_JOURNAL_BYTES, OF(NUMBERS_STREAMS) },
    { "sluice_journal_segments", NUMBER_JOURNAL_SEGMENTS, OF(NUMBERS_STREAMS) },
    { "sluice_batches_waiting", NUMBER_WAITING, OF(NUMBERS_STREAMS) },
    { "sluice_batches_held", NUMBER_HELD, OF(NUMBERS_STREAMS) },
    { "sluice_dead_letter_rows", NUMBER_DEAD_ROWS, OF(NUMBERS_STREAMS) },
    { "sluice_oldest_unstored_event_age_seconds", NUMBER_AGE_S, OF(NUMBERS_STREAMS) },
    { "sluice_store_breaker_open", NUMBER_BREAKER_OPEN, OF(NUMBERS_SERVERS) },
};

static const struct {
    const char *name;
    enum whole_number number;
} of_whole[] = {
    { "sluice_connections", WHOLE_CONNECTIONS },
    { "sluice_websockets", WHOLE_WEBSOCKETS },
    { "sluice_data_free_bytes", WHOLE_FREE_BYTES },
    { "sluice_dead_letter_bytes", WHOLE_DEAD_BYTES },
    { "sluice_commit_queue_events", WHOLE_QUEUE_EVENTS },
    { "process_resident_memory_bytes", WHOLE_MEMORY_BYTES },
    { "sluice_resident_memory_bytes", WHOLE_MEMORY_BYTES }, /* of versions before 0.2 */
    { "process_start_time_seconds", WHOLE_STARTED_S },
    { "sluice_start_time_seconds", WHOLE_STARTED_S }, /* likewise */
};

/* NULL: there is none. */
static struct numbers_row *find(const struct numbers_table *table, const char *name, size_t from)
{
    for (size_t i = 0; i < table->count; i++) {
        size_t at = (from + i) % table->count;
        if (strcmp(table->rows[at].name, name) == 0) {
            return &table->rows[at];
        }
    }
    return NULL;
}

static struct numbers_row *add(struct numbers_table *table, const char *name)
{
    if (table->count == NUMBERS_ROWS_MAX) {
        table->cut = true;
        return NULL;
    }
    if (table->count == table->capacity) {
        size_t capacity = table->capacity != 0 ? 2 * table->capacity : 16;
        struct numbers_row *longer = realloc(table->rows, capacity * sizeof *longer);
        if (longer == NULL) {
            table->cut = true;
            return NULL;
        }
        table->rows = longer;
        table->capacity = capacity;
    }
    ASSERT_BELOW(table->count, table->capacity);
    struct numbers_row *row = &table->rows[table->count++];
    *row = (struct numbers_row){ 0 };
    memcpy(row->name, name, strlen(name) + 1);
    return row;
}

/* NULL: it has no room. Once rows are cut off, unknown ones are not looked for: that would take the square of the time. */
static struct numbers_row *row_of(struct numbers_table *table, struct slice label)
{
    char name[NUMBERS_NAME_MAX];
    plain_text_copy(label, name, sizeof name);
    struct numbers_row *row = NULL;
    if (table->last < table->count && strcmp(table->rows[table->last].name, name) == 0) {
        return &table->rows[table->last];
    }
    if (!table->cut) {
        row = find(table, name, table->last);
        row = row != NULL ? row : add(table, name);
    }
    if (row != NULL) {
        table->last = (size_t)(row - table->rows);
    }
    return row;
}

static void sum_up(struct numbers_row *all, const struct series *series, double value)
{
    double *sum = &all->values[series->number];
    if (series->number == NUMBER_AGE_S) {
        *sum = value > *sum ? value : *sum;
    } else if ((series->kinds & OF(NUMBERS_STREAMS)) != 0) {
        *sum += value;
    }
}

static void take_row(struct gateway_numbers *numbers, const struct series *series, const struct metrics_sample *sample,
                     struct buf *label)
{
    for (size_t kind = 0; kind < NUMBERS_KINDS; kind++) {
        if ((series->kinds & OF(kind)) == 0 ||
            !metrics_text_label(sample->labels, slice_from_string(labels[kind]), label)) {
            continue;
        }
        struct numbers_row *row = row_of(&numbers->tables[kind], buf_slice(label));
        if (row != NULL) {
            row->values[series->number] += sample->value;
        }
    }
    sum_up(&numbers->all, series, sample->value);
}

/* Whether the sample is one that is known. */
static bool take(struct gateway_numbers *numbers, const struct metrics_sample *sample, struct buf *label)
{
    for (size_t i = 0; i < ARRAY_LENGTH(of_rows); i++) {
        if (slice_equal(sample->name, slice_from_string(of_rows[i].name))) {
            take_row(numbers, &of_rows[i], sample, label);
            return true;
        }
    }
    for (size_t i = 0; i < ARRAY_LENGTH(of_whole); i++) {
        if (slice_equal(sample->name, slice_from_string(of_whole[i].name))) {
            numbers->whole[of_whole[i].number] = sample->value;
            return true;
        }
    }
    if (slice_equal(sample->name, SLICE("sluice_build_info")) &&
        metrics_text_label(sample->labels, SLICE("version"), label)) {
        plain_text_copy(buf_slice(label), numbers->version, sizeof numbers->version);
    }
    return false;
}

bool gateway_numbers_read(struct gateway_numbers *numbers, struct slice page, int64_t now_ns)
{
    struct metrics_sample sample;
    struct buf label = { 0 };
    bool known = false;
    gateway_numbers_release(numbers);
    numbers->at_ns = now_ns;
    while (metrics_text_next(&page, &sample)) {
        known = take(numbers, &sample, &label) || known;
    }
    buf_release(&label);
    return known;
}

void gateway_numbers_release(struct gateway_numbers *numbers)
{
    for (size_t kind = 0; kind < NUMBERS_KINDS; kind++) {
        free(numbers->tables[kind].rows);
    }
    *numbers = (struct gateway_numbers){ 0 };
}

static double rate(const struct gateway_numbers *before, const struct gateway_numbers *now, double from, double to)
{
    bool same = before->whole[WHOLE_STARTED_S] == now->whole[WHOLE_STARTED_S];
    int64_t passed_ns = now->at_ns - before->at_ns;
    if (before->at_ns == 0 || !same || passed_ns <= 0 || to < from) {
        return 0;
    }
    return (to - from) * (double)NS_PER_SECOND / (double)passed_ns;
}

double gateway_numbers_rate(const struct gateway_numbers *before, const struct gateway_numbers *now,
                            enum numbers_kind kind, const struct numbers_row *row, enum number number)
{
    ASSERT(kind < NUMBERS_KINDS && number < NUMBER_COUNT);
    const struct numbers_row *old = find(&before->tables[kind], row->name, (size_t)(row - now->tables[kind].rows));
    return rate(before, now, old != NULL ? old->values[number] : 0, row->values[number]);
}

double gateway_numbers_rate_all(const struct gateway_numbers *before, const struct gateway_numbers *now,
                                enum number number)
{
    return rate(before, now, before->all.values[number], now->all.values[number]);
}
