/* Turns what is known of a gateway into JSON. */
#include "base/assert.h"
#include "base/clock.h"
#include "inspect/gateway_look.h"
#include "inspect/status_lines.h"

static const char *const level_words[] = { [PART_OK] = "ok", [PART_DEGRADED] = "degraded", [PART_DOWN] = "down" };

static const struct field {
    const char *name;
    enum number number;
    bool counts; /* it has a rate */
    unsigned kinds;
} fields[] = {
#define ALL_KINDS (1u << NUMBERS_STREAMS | 1u << NUMBERS_PROTOCOLS)
    { "received", NUMBER_RECEIVED, true, ALL_KINDS },
    { "accepted", NUMBER_ACCEPTED, true, ALL_KINDS },
    { "duplicate", NUMBER_DUPLICATE, true, ALL_KINDS },
    { "rejected", NUMBER_REJECTED, true, ALL_KINDS | 1u << NUMBERS_REASONS },
    { "dropped", NUMBER_DROPPED, true, ALL_KINDS | 1u << NUMBERS_REASONS },
    { "in_flight", NUMBER_IN_FLIGHT, false, ALL_KINDS },
    { "recovered", NUMBER_RECOVERED, false, 1u << NUMBERS_STREAMS },
    { "stored", NUMBER_STORED, true, 1u << NUMBERS_STREAMS },
    { "dead_lettered", NUMBER_DEAD_LETTERED, false, 1u << NUMBERS_STREAMS },
    { "damaged", NUMBER_DAMAGED, false, 1u << NUMBERS_STREAMS },
    { "insert_failures", NUMBER_INSERT_FAILURES, true, 1u << NUMBERS_STREAMS },
    { "journal_events", NUMBER_JOURNAL_EVENTS, false, 1u << NUMBERS_STREAMS },
    { "journal_bytes", NUMBER_JOURNAL_BYTES, false, 1u << NUMBERS_STREAMS },
    { "journal_segments", NUMBER_JOURNAL_SEGMENTS, false, 1u << NUMBERS_STREAMS },
    { "batches_waiting", NUMBER_WAITING, false, 1u << NUMBERS_STREAMS },
    { "batches_held", NUMBER_HELD, false, 1u << NUMBERS_STREAMS },
    { "dead_letter_rows", NUMBER_DEAD_ROWS, false, 1u << NUMBERS_STREAMS },
    { "lag_seconds", NUMBER_AGE_S, false, 1u << NUMBERS_STREAMS },
    { "breaker_open", NUMBER_BREAKER_OPEN, false, 1u << NUMBERS_SERVERS },
#undef ALL_KINDS
};

static void append_text(struct buf *out, const char *name, const char *text)
{
    buf_printf(out, "\"%s\":", name);
    buf_append_json_string(out, slice_from_string(text));
}

static void append_row(struct buf *out, const struct gateway_look *look, enum numbers_kind kind,
                       const struct numbers_row *row, const char *label)
{
    buf_append_byte(out, '{');
    append_text(out, label, row->name);
    for (size_t i = 0; i < ARRAY_LENGTH(fields); i++) {
        const struct field *field = &fields[i];
        if ((field->kinds & 1u << kind) == 0) {
            continue;
        }
        buf_printf(out, ",\"%s\":%.15g", field->name, row->values[field->number]);
        if (field->counts) {
            buf_printf(out, ",\"%s_per_second\":%.1f", field->name,
                       gateway_numbers_rate(&look->before, &look->now, kind, row, field->number));
        }
    }
    buf_append_byte(out, '}');
}

static void append_table(struct buf *out, const struct gateway_look *look, enum numbers_kind kind, const char *name,
                         const char *label)
{
    const struct numbers_table *table = &look->now.tables[kind];
    ASSERT(kind < NUMBERS_KINDS);
    buf_printf(out, ",\"%s\":[", name);
    for (size_t i = 0; i < table->count; i++) {
        buf_append_string(out, i == 0 ? "" : ",");
        append_row(out, look, kind, &table->rows[i], label);
    }
    buf_append_byte(out, ']');
}

static void append_parts(struct buf *out, const struct gateway_look *look)
{
    buf_append_string(out, ",\"parts\":[");
    for (size_t i = 0; i < look->health.count; i++) {
        const struct part_state *part = &look->health.parts[i];
        buf_append_string(out, i == 0 ? "{" : ",{");
        append_text(out, "name", part->name);
        buf_printf(out, ",\"status\":\"%s\",", level_words[part->level]);
        append_text(out, "since", part->since);
        buf_append_byte(out, ',');
        append_text(out, "reason", part->reason);
        buf_append_byte(out, '}');
    }
    buf_append_byte(out, ']');
}

static void append_whole(struct buf *out, const struct gateway_numbers *now, int64_t wall_ns)
{
    const double *all = now->all.values;
    buf_append_byte(out, ',');
    append_text(out, "version", now->version);
    buf_printf(out, ",\"uptime_seconds\":%.0f", (double)wall_ns / (double)NS_PER_SECOND - now->whole[WHOLE_STARTED_S]);
    buf_printf(out, ",\"connections\":%.15g,\"websockets\":%.15g,\"memory_bytes\":%.15g,\"commit_queue_events\":%.15g",
               now->whole[WHOLE_CONNECTIONS], now->whole[WHOLE_WEBSOCKETS], now->whole[WHOLE_MEMORY_BYTES],
               now->whole[WHOLE_QUEUE_EVENTS]);
    buf_printf(out, ",\"journal\":{\"events\":%.15g,\"bytes\":%.15g,\"segments\":%.15g,\"free_bytes\":%.15g}",
               all[NUMBER_JOURNAL_EVENTS], all[NUMBER_JOURNAL_BYTES], all[NUMBER_JOURNAL_SEGMENTS],
               now->whole[WHOLE_FREE_BYTES]);
    buf_printf(out, ",\"dead_letters\":{\"rows\":%.15g,\"bytes\":%.15g},\"lag_seconds\":%.15g", all[NUMBER_DEAD_ROWS],
               now->whole[WHOLE_DEAD_BYTES], all[NUMBER_AGE_S]);
}

void status_json(struct buf *out, const struct gateway_look *look, const char *url, int64_t wall_ns)
{
    static const char *const fates[] = { [LOOK_SEEN] = "up", [LOOK_NOT_UP] = "not up", [LOOK_REFUSED] = "not known" };
    buf_append_byte(out, '{');
    append_text(out, "url", url);
    bool seen = look->fate == LOOK_SEEN;
    buf_printf(out, ",\"state\":\"%s\",\"healthy\":%s,\"ready\":%s", fates[look->fate],
               seen && look->health.worst == PART_OK ? "true" : "false",
               seen && look->health.worst != PART_DOWN ? "true" : "false");
    if (!seen) {
        buf_append_byte(out, ',');
        append_text(out, "problem", look->problem);
        buf_append_string(out, "}\n");
        return;
    }
    buf_printf(out, ",\"status\":\"%s\"", level_words[look->health.worst]);
    append_whole(out, &look->now, wall_ns);
    append_parts(out, look);
    append_table(out, look, NUMBERS_STREAMS, "streams", "stream");
    append_table(out, look, NUMBERS_PROTOCOLS, "protocols", "protocol");
    append_table(out, look, NUMBERS_REASONS, "refused", "reason");
    append_table(out, look, NUMBERS_SERVERS, "servers", "server");
    buf_append_string(out, "}\n");
}
