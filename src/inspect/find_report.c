/* Turns what a search has found into lines or JSON. */
#include "inspect/find_report.h"

#include "base/assert.h"
#include "base/plain_text.h"
#include "inspect/event_places.h"

#include <stdio.h>

static const struct {
    const char *name; /* in JSON */
    const char *words;
} kinds[] = {
    [PLACE_JOURNAL] = { "journal", "in the journal, not yet known to be stored" },
    [PLACE_RETRY] = { "retry", "among the dead letters that were given back, for the gateway to take" },
    [PLACE_DEAD] = { "dead", "among the dead letters" },
    [PLACE_REJECTS] = { "rejects", "among what was refused" },
    [PLACE_DAMAGED] = { "damaged", "in a segment that was set aside for its damage" },
};

void find_report_release(struct find_report *report)
{
    buf_release(&report->places);
    buf_release(&report->missed);
}

/* As a terminal may have it, whatever is in it. */
static void print_plain(FILE *file, struct slice text)
{
    struct buf plain = { 0 };
    size_t room = 3 * text.len + 1;
    if (buf_reserve(&plain, room)) {
        fwrite(plain.data, 1, plain_text_copy(text, plain.data, room), file);
    }
    buf_release(&plain);
}

static void append_member(struct buf *out, const char *name, const char *text)
{
    buf_printf(out, ",\"%s\":", name);
    buf_append_json_string(out, slice_from_string(text));
}

/* A row as it is, but for what a terminal would obey: between its quotes that stays text. */
static void append_row(struct buf *out, struct slice row)
{
    size_t room = 3 * row.len + 1;
    buf_append_string(out, ",\"row\":");
    if (buf_reserve(out, room)) {
        out->len += plain_text_copy(row, out->data + out->len, room);
    }
    buf_append_byte(out, '}');
}

/* Behind a comma if it is not the first. */
static void begin_object(struct buf *list, const char *name, const char *text)
{
    buf_printf(list, "%s{\"%s\":", list->len != 0 ? "," : "", name);
    buf_append_json_string(list, slice_from_string(text));
}

static void print_place(const struct event_place *place)
{
    printf("%s: ", kinds[place->kind].words);
    print_plain(stdout, slice_from_string(place->stream));
    printf(place->kind == PLACE_REJECTS ? ", file " : ", segment ");
    print_plain(stdout, slice_from_string(place->segment));
    if (place->kind == PLACE_DEAD) {
        printf("\n  since %s, code %lld: %s", place->at[0] != '\0' ? place->at : "a time that is not known",
               (long long)place->code, place->reason[0] != '\0' ? place->reason : "the reason is not known");
    }
    printf("\n  ");
    print_plain(stdout, place->row);
    putchar('\n');
}

void find_report_place(void *context, const struct event_place *place)
{
    struct find_report *report = context;
    report->found++;
    ASSERT_BELOW(place->kind, ARRAY_LENGTH(kinds));
    if (!report->as_json) {
        print_place(place);
        return;
    }
    begin_object(&report->places, "place", kinds[place->kind].name);
    append_member(&report->places, "stream", place->stream);
    append_member(&report->places, place->kind == PLACE_REJECTS ? "file" : "segment", place->segment);
    if (place->kind == PLACE_DEAD) {
        append_member(&report->places, "since", place->at);
        append_member(&report->places, "reason", place->reason);
        buf_printf(&report->places, ",\"code\":%lld", (long long)place->code);
    }
    append_row(&report->places, place->row);
}

void find_report_row(struct find_report *report, const char *stream, const char *table, const char *server,
                     struct slice row)
{
    report->found++;
    if (!report->as_json) {
        printf("in the table %s: %s, %s\n  ", table, stream, server);
        print_plain(stdout, row);
        putchar('\n');
        return;
    }
    begin_object(&report->places, "place", "table");
    append_member(&report->places, "stream", stream);
    append_member(&report->places, "table", table);
    append_member(&report->places, "server", server);
    append_row(&report->places, row);
}

void find_report_not_looked(void *context, const char *where, const char *why)
{
    struct find_report *report = context;
    char text[512];
    plain_text_copy(slice_from_string(why), text, sizeof text);
    report->not_looked++;
    fprintf(stderr, "sluice find: could not look at %s: %s\n", where, text);
    begin_object(&report->missed, "where", where);
    append_member(&report->missed, "why", text);
    buf_append_byte(&report->missed, '}');
}

static void print_json(const struct find_report *report, const char *id, const char *looked, const char *verdict)
{
    struct buf out = { 0 };
    buf_printf(&out, "{\"id\":\"%s\",\"verdict\":\"%s\"", id, verdict);
    append_member(&out, "looked", looked);
    buf_append_string(&out, ",\"found\":[");
    buf_append_slice(&out, buf_slice(&report->places));
    buf_append_string(&out, "],\"not_looked\":[");
    buf_append_slice(&out, buf_slice(&report->missed));
    buf_append_string(&out, "]}\n");
    fwrite(out.data, 1, out.len, stdout);
    buf_release(&out);
}

int find_report_end(struct find_report *report, const char *id, const char *looked)
{
    const char *verdict = report->found != 0 ? "found" : report->not_looked != 0 ? "not known" : "not found";
    if (report->as_json) {
        print_json(report, id, looked, verdict);
    } else if (report->found == 0 && report->not_looked == 0) {
        printf("not found: it is in none of these: %s. It never came here, was refused, or is kept no more\n", looked);
    } else if (report->found == 0) {
        printf("not known: not all places could be looked at. It is in none of these: %s\n", looked);
    }
    ASSERT_EQUAL(report->places.len != 0, report->as_json && report->found != 0);
    return report->found != 0 ? 0 : report->not_looked != 0 ? 3 : 1;
}
