/* Turns the server's rows into the JSON of the read API. */
#include "query/query_json.h"

#include "base/clock.h"
#include "base/utf8.h"

#include <time.h>

#define SECONDS_PER_DAY 86400
#define SECONDS_PER_HOUR 3600

static void append_utc(int64_t seconds, const char *format, struct buf *out)
{
    char text[64];
    struct tm utc;
    time_t when = (time_t)seconds;
    gmtime_r(&when, &utc);
    buf_append(out, text, strftime(text, sizeof text, format, &utc));
}

static void append_rfc3339(int64_t ns, struct buf *out)
{
    int64_t millis = ns / NS_PER_MS % 1000;
    buf_append_byte(out, '"');
    append_utc(ns / NS_PER_SECOND, "%Y-%m-%dT%H:%M:%S", out);
    if (millis != 0) {
        buf_printf(out, ".%03d", (int)millis);
    }
    buf_append_string(out, "Z\"");
}

/* What a backslash and this letter stand for in TSV. */
static char unescape(char letter)
{
    static const char pairs[][2] = { { 'n', '\n' }, { 't', '\t' }, { 'r', '\r' },
                                     { 'b', '\b' }, { 'f', '\f' }, { '0', '\0' } };
    for (size_t i = 0; i < ARRAY_LENGTH(pairs); i++) {
        if (pairs[i][0] == letter) {
            return pairs[i][1];
        }
    }
    return letter;
}

static void append_text_key(struct slice field, struct buf *out)
{
    struct buf plain = { 0 };
    for (size_t i = 0; i < field.len; i++) {
        bool escaped = field.data[i] == '\\' && i + 1 < field.len;
        buf_append_byte(&plain, (uint8_t)(escaped ? unescape(field.data[++i]) : field.data[i]));
    }
    struct buf text = { 0 }; /* the column may hold any bytes */
    utf8_append_repaired(&text, buf_slice(&plain));
    out->failed |= plain.failed || text.failed;
    buf_append_json_string(out, buf_slice(&text));
    buf_release(&plain);
    buf_release(&text);
}

static bool append_key(const struct query_request *request, struct slice field, struct buf *out)
{
    uint64_t number;
    if (request->group == GROUP_COLUMN) {
        append_text_key(field, out);
        return true;
    }
    if (!slice_to_u64(field, &number) || number > INT32_MAX) {
        return false;
    }
    bool daily = request->group == GROUP_DAILY;
    buf_append_byte(out, '"');
    append_utc((int64_t)number * (daily ? SECONDS_PER_DAY : SECONDS_PER_HOUR),
               daily ? "%Y-%m-%d" : "%Y-%m-%dT%H:00:00Z", out);
    buf_append_byte(out, '"');
    return true;
}

struct counts {
    uint64_t total;
    uint64_t users;
};

/* The last two fields of a row. */
static bool read_counts(struct slice row, struct counts *counts)
{
    struct slice total, users;
    return slice_split(&row, '\t', &total) && slice_split(&row, '\t', &users) && row.data == NULL &&
           slice_to_u64(total, &counts->total) && slice_to_u64(users, &counts->users);
}

static bool append_group(const struct query_request *request, struct slice row, bool first, struct buf *out)
{
    struct slice key;
    struct counts counts;
    buf_append_string(out, first ? "{\"group_key\":" : ",{\"group_key\":");
    if (!slice_split(&row, '\t', &key) || !append_key(request, key, out) || !read_counts(row, &counts)) {
        return false;
    }
    buf_printf(out, ",\"total_count\":%llu,\"unique_user_count\":%llu}", (unsigned long long)counts.total,
               (unsigned long long)counts.users);
    return true;
}

/* Rows, an empty line, the totals; without a group one row. */
static bool append_groups(const struct query_request *request, struct slice rows, struct counts *totals,
                          struct buf *out)
{
    struct slice row, key;
    bool first = true;
    if (request->group == GROUP_NONE) {
        return slice_split(&rows, '\n', &row) && read_counts(row, totals);
    }
    while (slice_split(&rows, '\n', &row) && row.len != 0) {
        if (!append_group(request, row, first, out)) {
            return false;
        }
        first = false;
    }
    return slice_split(&rows, '\n', &row) && slice_split(&row, '\t', &key) && read_counts(row, totals);
}

bool query_json(const struct query_request *request, struct slice rows, struct buf *out)
{
    struct counts totals = { 0 };
    struct buf groups = { 0 };
    bool valid = append_groups(request, rows, &totals, &groups);
    buf_append_string(out, "{\"event_name\":");
    if (request->has_event_name) {
        buf_append_json_string(out, buf_slice(&request->event_name));
    } else {
        buf_append_string(out, "null");
    }
    buf_append_string(out, ",\"from\":");
    append_rfc3339(request->from_ns, out);
    buf_append_string(out, ",\"to\":");
    append_rfc3339(request->to_ns, out);
    buf_printf(out, ",\"total_count\":%llu,\"unique_user_count\":%llu,\"grouped_metrics\":[",
               (unsigned long long)totals.total, (unsigned long long)totals.users);
    buf_append_slice(out, buf_slice(&groups));
    buf_append_string(out, "]}\n");
    valid = valid && !groups.failed && !out->failed;
    buf_release(&groups);
    return valid;
}
