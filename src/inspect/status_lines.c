/* Turns what is known of a gateway into lines. */
#include "inspect/status_lines.h"

#include "base/assert.h"
#include "base/clock.h"
#include "inspect/gateway_look.h"
#include "inspect/number_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define NAME_WIDTH 31 /* of tables that are not of columns */
#define RATE_WIDTH 11

void status_lines_release(struct status_lines *lines)
{
    buf_release(&lines->text);
    *lines = (struct status_lines){ 0 };
}

void status_lines_add(struct status_lines *lines, enum line_style style, const char *format, ...)
{
    char line[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    ASSERT(strchr(line, '\n') == NULL && strchr(line, '\033') == NULL);
    buf_append_byte(&lines->text, (uint8_t)('0' + style));
    buf_append_string(&lines->text, line);
    buf_append_byte(&lines->text, '\n');
    lines->count++;
}

bool status_lines_next(struct slice *rest, enum line_style *style, struct slice *line)
{
    if (rest->len == 0 || !slice_split(rest, '\n', line) || line->len == 0) {
        return false;
    }
    *style = (enum line_style)(line->data[0] - '0');
    *line = slice_after(*line, 1);
    ASSERT(*style <= LINE_BAD);
    return true;
}

static const char *const level_words[] = { [PART_OK] = "ok", [PART_DEGRADED] = "degraded", [PART_DOWN] = "down" };
static const enum line_style level_styles[] = {
    [PART_OK] = LINE_GOOD, [PART_DEGRADED] = LINE_WARNING, [PART_DOWN] = LINE_BAD
};

void status_lines_head(struct status_lines *lines, const struct gateway_look *look, const char *url, int64_t wall_ns)
{
    char age[NUMBER_TEXT_MAX];
    const struct gateway_numbers *now = &look->now;
    if (look->fate != LOOK_SEEN) {
        status_lines_add(lines, LINE_BAD, "%s: %s", look->fate == LOOK_NOT_UP ? "not up" : "not known", look->problem);
        return;
    }
    const char *words[] = {
        [PART_OK] = "healthy",
        [PART_DEGRADED] = "not healthy: it accepts events, and something needs you",
        [PART_DOWN] = "not healthy: it refuses events",
    };
    double up_s = (double)wall_ns / (double)NS_PER_SECOND - now->whole[WHOLE_STARTED_S];
    status_lines_add(lines, level_styles[look->health.worst], "sluice%s%s at %s, up %s: %s",
                     now->version[0] != '\0' ? " " : "", now->version, url, number_text_seconds(up_s, age),
                     words[look->health.worst]);
}

void status_lines_parts(struct status_lines *lines, const struct gateway_look *look, size_t most)
{
    size_t said = 0;
    size_t bad = 0;
    for (size_t level = PART_DOWN; level > PART_OK; level--) {
        for (size_t i = 0; i < look->health.count; i++) {
            const struct part_state *part = &look->health.parts[i];
            if (part->level == level && bad++ < most) {
                status_lines_add(lines, level_styles[level], "  %s is %s since %s%s%s", part->name, level_words[level],
                                 part->since, part->reason[0] != '\0' ? ": " : "", part->reason);
                said++;
            }
        }
    }
    ASSERT_AT_MOST(said, bad);
    if (said < bad) {
        status_lines_add(lines, LINE_WARNING, "  and %zu parts more are not well", bad - said);
    }
}

/* --- tables --- */

struct column {
    const char *title;
    const char *short_title;
    enum number number;
    enum { AS_RATE, AS_NUMBER, AS_SECONDS } form;
};

static const struct column of_streams[] = {
    { "RECEIVED/s", "RECV/s", NUMBER_RECEIVED, AS_RATE },     { "ACCEPTED/s", "ACC/s", NUMBER_ACCEPTED, AS_RATE },
    { "DUPLICATE/s", "DUP/s", NUMBER_DUPLICATE, AS_RATE },    { "REJECTED/s", "REJ/s", NUMBER_REJECTED, AS_RATE },
    { "DROPPED/s", "DROP/s", NUMBER_DROPPED, AS_RATE },       { "STORED/s", "STOR/s", NUMBER_STORED, AS_RATE },
    { "JOURNAL", "JOURN", NUMBER_JOURNAL_EVENTS, AS_NUMBER }, { "LAG", "LAG", NUMBER_AGE_S, AS_SECONDS },
    { "DEAD", "DEAD", NUMBER_DEAD_ROWS, AS_NUMBER },
};

#define OF_PROTOCOLS 5 /* of these columns the first */

/* Of a table: wide where there is room for it, else for 80 columns. */
struct table_form {
    bool is_narrow;
    int name_width, number_width;
};

static struct table_form form_for(int columns)
{
    const struct table_form wide = { false, 20, 11 }, narrow = { true, 14, 6 };
    int wanted = wide.name_width + (int)ARRAY_LENGTH(of_streams) * (wide.number_width + 1);
    return columns == 0 || columns >= wanted ? wide : narrow;
}

static void append_titles(struct status_lines *lines, const struct table_form *form, const char *name, size_t columns)
{
    char line[256];
    int used = snprintf(line, sizeof line, "%-*s", form->name_width, name);
    for (size_t i = 0; i < columns; i++) {
        used += snprintf(line + used, sizeof line - (size_t)used, " %*s", form->number_width,
                         form->is_narrow ? of_streams[i].short_title : of_streams[i].title);
        ASSERT_BELOW(used, (int)sizeof line);
    }
    status_lines_add(lines, LINE_STRONG, "%s", line);
}

static const char *cell(const struct gateway_look *look, enum numbers_kind kind, const struct numbers_row *row,
                        const struct column *column, bool is_narrow, char text[NUMBER_TEXT_MAX])
{
    double value = row->values[column->number];
    switch (column->form) {
    case AS_SECONDS:
        return value == 0 ? "-" : is_narrow ? number_text_age(value, text) : number_text_seconds(value, text);
    case AS_NUMBER: return number_text(value, text);
    case AS_RATE: break;
    }
    bool of_all = row == &look->now.all;
    return number_text(of_all ? gateway_numbers_rate_all(&look->before, &look->now, column->number)
                              : gateway_numbers_rate(&look->before, &look->now, kind, row, column->number),
                       text);
}

/* Anything lost, refused by a table, or held is worth an eye. */
static enum line_style style_of(const struct numbers_row *row)
{
    return row->values[NUMBER_HELD] != 0 || row->values[NUMBER_DEAD_ROWS] != 0 || row->values[NUMBER_DAMAGED] != 0
               ? LINE_WARNING
               : LINE_PLAIN;
}

static void append_row(struct status_lines *lines, const struct table_form *form, const struct gateway_look *look,
                       enum numbers_kind kind, const struct numbers_row *row, const char *name)
{
    char line[256];
    size_t columns = kind == NUMBERS_PROTOCOLS ? OF_PROTOCOLS : ARRAY_LENGTH(of_streams);
    int used = snprintf(line, sizeof line, "%-*.*s", form->name_width, form->name_width, name);
    for (size_t i = 0; i < columns; i++) {
        char text[NUMBER_TEXT_MAX];
        used += snprintf(line + used, sizeof line - (size_t)used, " %*s", form->number_width,
                         cell(look, kind, row, &of_streams[i], form->is_narrow, text));
        ASSERT_BELOW(used, (int)sizeof line);
    }
    status_lines_add(lines, style_of(row), "%s", line);
}

/* Rows in the order of what is shown of them: the most first, then by name. */
struct ranked {
    const struct numbers_row *row;
    double rate, total;
};

static int by_rank(const void *left, const void *right)
{
    const struct ranked *a = left, *b = right;
    if (a->rate != b->rate) {
        return a->rate < b->rate ? 1 : -1;
    }
    return a->total != b->total ? (a->total < b->total ? 1 : -1) : strcmp(a->row->name, b->row->name);
}

/* Of each row the sum of two numbers. Owned by the caller; NULL: memory is short, or there are none. */
static struct ranked *rank_rows(const struct gateway_look *look, enum numbers_kind kind, enum number one,
                                enum number other)
{
    const struct numbers_table *table = &look->now.tables[kind];
    struct ranked *ranked = table->count != 0 ? calloc(table->count, sizeof *ranked) : NULL;
    for (size_t i = 0; ranked != NULL && i < table->count; i++) {
        const struct numbers_row *row = &table->rows[i];
        ranked[i] = (struct ranked){
            .row = row,
            .rate = gateway_numbers_rate(&look->before, &look->now, kind, row, one) +
                    gateway_numbers_rate(&look->before, &look->now, kind, row, other),
            .total = row->values[one] + row->values[other],
        };
    }
    if (ranked != NULL) {
        qsort(ranked, table->count, sizeof *ranked, by_rank);
    }
    return ranked;
}

/* "" is no stream: what was refused before its stream was known. It is told of only if there was any. */
static bool is_told(const struct numbers_row *row)
{
    return row->name[0] != '\0' || row->values[NUMBER_RECEIVED] != 0;
}

void status_lines_streams(struct status_lines *lines, const struct gateway_look *look, size_t most, int columns)
{
    const struct table_form form = form_for(columns);
    const struct numbers_table *table = &look->now.tables[NUMBERS_STREAMS];
    struct ranked *ranked = rank_rows(look, NUMBERS_STREAMS, NUMBER_RECEIVED, NUMBER_DUPLICATE);
    size_t told = 0;
    size_t all = 0;
    append_titles(lines, &form, "STREAM", ARRAY_LENGTH(of_streams));
    for (size_t i = 0; ranked != NULL && i < table->count; i++) {
        const struct numbers_row *row = ranked[i].row;
        if (is_told(row) && all++ < most) {
            append_row(lines, &form, look, NUMBERS_STREAMS, row, row->name[0] != '\0' ? row->name : "(none)");
            told++;
        }
    }
    if (told < all || table->cut) {
        status_lines_add(lines, LINE_FAINT, "and %zu streams more%s", all - told,
                         table->cut ? ", and others that are not counted here" : "");
    }
    if (all > 1) {
        append_row(lines, &form, look, NUMBERS_STREAMS, &look->now.all, "all");
    }
    free(ranked);
}

void status_lines_protocols(struct status_lines *lines, const struct gateway_look *look, int columns)
{
    const struct table_form form = form_for(columns);
    const struct numbers_table *table = &look->now.tables[NUMBERS_PROTOCOLS];
    append_titles(lines, &form, "PROTOCOL", OF_PROTOCOLS);
    for (size_t i = 0; i < table->count; i++) {
        append_row(lines, &form, look, NUMBERS_PROTOCOLS, &table->rows[i], table->rows[i].name);
    }
}

void status_lines_reasons(struct status_lines *lines, const struct gateway_look *look, size_t most)
{
    char rate[NUMBER_TEXT_MAX], total[NUMBER_TEXT_MAX];
    struct ranked *ranked = rank_rows(look, NUMBERS_REASONS, NUMBER_REJECTED, NUMBER_DROPPED);
    size_t count = look->now.tables[NUMBERS_REASONS].count;
    bool titled = false;
    for (size_t i = 0; ranked != NULL && i < count && i < most && ranked[i].total != 0; i++) {
        if (!titled) {
            status_lines_add(lines, LINE_STRONG, "%-*s %*s %*s", NAME_WIDTH, "REFUSED FOR", RATE_WIDTH, "EVENTS/s",
                             RATE_WIDTH, "ALL");
            titled = true;
        }
        status_lines_add(lines, LINE_PLAIN, "%-*.*s %*s %*s", NAME_WIDTH, NAME_WIDTH, ranked[i].row->name, RATE_WIDTH,
                         number_text(ranked[i].rate, rate), RATE_WIDTH, number_text(ranked[i].total, total));
    }
    free(ranked);
}

static void tell_servers(struct status_lines *lines, const struct gateway_look *look)
{
    const struct numbers_table *table = &look->now.tables[NUMBERS_SERVERS];
    double failures = gateway_numbers_rate_all(&look->before, &look->now, NUMBER_INSERT_FAILURES);
    char text[NUMBER_TEXT_MAX];
    for (size_t i = 0; i < table->count; i++) {
        bool open = table->rows[i].values[NUMBER_BREAKER_OPEN] != 0;
        status_lines_add(lines, open ? LINE_BAD : LINE_PLAIN, "store     %s: %s", table->rows[i].name,
                         open ? "fails, and is only probed" : "takes batches");
    }
    if (failures > 0) {
        status_lines_add(lines, LINE_WARNING, "          %s INSERTs a second fail, and are tried again",
                         number_text(failures, text));
    }
}

void status_lines_places(struct status_lines *lines, const struct gateway_look *look)
{
    char a[NUMBER_TEXT_MAX], b[NUMBER_TEXT_MAX], c[NUMBER_TEXT_MAX], d[NUMBER_TEXT_MAX];
    const struct gateway_numbers *now = &look->now;
    const double *all = now->all.values;
    status_lines_add(lines, LINE_PLAIN, "journal   %s events, %s in %s segments; %s are free on its disk",
                     number_text(all[NUMBER_JOURNAL_EVENTS], a), number_text_bytes(all[NUMBER_JOURNAL_BYTES], b),
                     number_text(all[NUMBER_JOURNAL_SEGMENTS], c), number_text_bytes(now->whole[WHOLE_FREE_BYTES], d));
    if (all[NUMBER_HELD] != 0) {
        status_lines_add(lines, LINE_BAD, "          %s batches are held until their table is mended",
                         number_text(all[NUMBER_HELD], a));
    }
    if (all[NUMBER_DEAD_ROWS] != 0) {
        status_lines_add(lines, LINE_WARNING, "dead      %s rows, %s: sluice dead-letters list",
                         number_text(all[NUMBER_DEAD_ROWS], a), number_text_bytes(now->whole[WHOLE_DEAD_BYTES], b));
    }
    tell_servers(lines, look);
    status_lines_add(lines, LINE_PLAIN, "clients   %s connections, %s of them WebSockets; %s of memory",
                     number_text(now->whole[WHOLE_CONNECTIONS], a), number_text(now->whole[WHOLE_WEBSOCKETS], b),
                     number_text_bytes(now->whole[WHOLE_MEMORY_BYTES], c));
}
