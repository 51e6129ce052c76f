/* Turns an id into the places where its event is. */
#include "command/ask/find_command.h"

#include "base/assert.h"
#include "base/clock.h"
#include "config/options/journal_options.h"
#include "config/options/store_options.h"
#include "config/options/stream_options.h"
#include "event/column.h"
#include "event/stream.h"
#include "inspect/asking.h"
#include "inspect/event_places.h"
#include "inspect/find_report.h"
#include "inspect/gateway_look.h"
#include "inspect/store_link.h"
#include "store/sql.h"

#include <getopt.h>
#include <stdio.h>

#define TIMEOUT_NS (300 * NS_PER_SECOND) /* of a table that is read whole */
#define PAGE_TIMEOUT_NS (5 * NS_PER_SECOND)
#define ROWS_MOST 10 /* of one id: not merged yet, or of a table that keeps them all */
#define CODE_UNKNOWN_TABLE 60

struct find {
    struct asking asking;
    struct configured configured;
    const char *stream; /* NULL: all */
    char id[EVENT_ID_TEXT + 1];
    struct event_search search;
    struct find_report report;
    struct buf looked;
};

static bool read_id(struct find *find, const char *text)
{
    if (!event_id_parse(&find->search.id, slice_from_string(text)) || event_id_is_zero(&find->search.id)) {
        fprintf(
            stderr,
            "sluice find: \"%.60s\" is no id: expected a UUID, as the gateway answers it (`ids`), or as it stands in "
            "the table\n",
            text);
        return false;
    }
    event_id_format(&find->search.id, find->id);
    return true;
}

static bool parse_arguments(int argc, char **argv, struct find *find)
{
    for (int option; (option = command_next_option(&find_command, argc, argv)) != -1;) {
        if (option == 's') {
            find->stream = optarg;
        } else if (option == 'j') {
            find->report.as_json = true;
        } else if (!asking_take(&find->asking, option, optarg)) {
            return false;
        }
    }
    return optind == argc - 1;
}

/* --- the data folder --- */

static void look_at_folder(struct find *find)
{
    find->search.data = find->configured.journal->data;
    find->search.stream = find->stream;
    find->search.found = find_report_place;
    find->search.not_looked = find_report_not_looked;
    find->search.context = &find->report;
    event_places_search(&find->search);
    event_rejects_search(&find->search);
}

/* With durability: memory the journal is the gateway's own. It can say whether anything is in it. */
static void look_at_memory(struct find *find)
{
    struct gateway_look look;
    if (find->configured.journal->durability != DURABILITY_MEMORY || !gateway_look_init(&look)) {
        return;
    }
    switch (gateway_look_again(&look, &find->asking.remote, PAGE_TIMEOUT_NS, NULL, NULL)) {
    case LOOK_SEEN:
        if (look.now.all.values[NUMBER_JOURNAL_EVENTS] != 0) {
            find_report_not_looked(&find->report, "the journal",
                                   "it is in the gateway's memory (durability: memory), and events wait there");
        }
        break;
    case LOOK_REFUSED:
        find_report_not_looked(&find->report, "the journal, which is in the gateway's memory", look.problem);
        break;
    case LOOK_NOT_UP: break; /* it went with the gateway */
    }
    gateway_look_release(&look);
}

/* --- the tables --- */

struct rows {
    struct find *find;
    const struct stream *stream;
    const char *server;
};

static void take_rows(const struct rows *rows, struct slice text)
{
    struct slice row;
    while (slice_split(&text, '\n', &row)) {
        if (row.len != 0) {
            find_report_row(&rows->find->report, rows->stream->name, rows->stream->table, rows->server, row);
        }
    }
}

static void write_statement(const struct find *find, const struct stream *stream, struct buf *sql)
{
    const char *column = stream->columns[stream->event_id_column].options->name;
    buf_append_string(sql, "SELECT * FROM ");
    sql_table(NULL, stream->table, sql);
    buf_append_string(sql, " WHERE toString(");
    sql_quote_identifier(slice_from_string(column), sql);
    buf_printf(sql, ") = '%s' LIMIT %d", find->id, ROWS_MOST);
}

static void look_at_table(struct find *find, struct store_link *link, size_t server, const struct stream *stream)
{
    struct buf sql = { 0 }, out = { 0 }, problem = { 0 }, where = { 0 };
    const struct rows rows = { find, stream, store_link_server_name(link, server) };
    int code = 0;
    write_statement(find, stream, &sql);
    const struct store_question question = {
        .sql = buf_slice(&sql), .format = "JSONEachRow", .timeout_ns = TIMEOUT_NS, .server = server
    };
    if (store_link_read(link, &question, &out, &code, &problem)) {
        take_rows(&rows, buf_slice(&out));
    } else if (code != CODE_UNKNOWN_TABLE) { /* what is not there has no rows */
        bool named = slice_starts_with(buf_slice(&problem), slice_from_string(rows.server));
        buf_printf(&where, "the table %s%s%s", stream->table, named ? "" : ", ", named ? "" : rows.server);
        find_report_not_looked(&find->report, buf_c_string(&where) != NULL ? where.data : stream->table,
                               buf_c_string(&problem) != NULL ? problem.data : "out of memory");
    }
    buf_release(&where);
    buf_release(&problem);
    buf_release(&out);
    buf_release(&sql);
}

static void look_at_servers(struct find *find, struct store_link *link, const struct stream *stream)
{
    if (stream->event_id_column < 0) {
        find_report_not_looked(&find->report, stream->table, "its stream has no ids");
        return;
    }
    for (size_t server = 0; server < store_link_servers(link); server++) {
        look_at_table(find, link, server, stream);
    }
}

static bool is_wanted(const struct find *find, size_t index)
{
    return find->stream == NULL || strcmp(find->stream, find->configured.streams[index].name) == 0;
}

static void look_at_streams(struct find *find, struct store_link *link)
{
    for (size_t i = 0; i < find->configured.stream_count; i++) {
        struct buf problem = { 0 };
        struct stream *stream = is_wanted(find, i) ? stream_compile(&find->configured.streams[i], i, &problem) : NULL;
        if (stream != NULL) {
            size_t not_looked = find->report.not_looked;
            look_at_servers(find, link, stream);
            if (find->report.not_looked == not_looked) {
                buf_printf(&find->looked, ", the table %s", stream->table);
            }
        } else if (problem.len != 0) {
            find_report_not_looked(&find->report, find->configured.streams[i].name, buf_c_string(&problem));
        }
        stream_free(stream);
        buf_release(&problem);
    }
}

static void look_at_store(struct find *find)
{
    struct buf problem = { 0 };
    struct store_link *link = store_link_open(find->configured.store, find->configured.journal, &problem);
    if (link != NULL) {
        look_at_streams(find, link);
    } else {
        find_report_not_looked(&find->report, "the tables", buf_c_string(&problem));
    }
    store_link_close(link);
    buf_release(&problem);
}

/* --- all of it --- */

static int look(struct find *find)
{
    look_at_folder(find);
    buf_printf(&find->looked, "%zu segments with %zu rows in %s", find->search.segments, find->search.rows,
               find->search.data);
    look_at_memory(find);
    look_at_store(find);
    if (find->report.found == 0 && find->report.not_looked == 0) {
        look_at_folder(find); /* it may have moved meanwhile */
    }
    const char *looked = buf_c_string(&find->looked);
    int code = find_report_end(&find->report, find->id, looked != NULL ? looked : "");
    return fflush(stdout) == 0 ? code : 3;
}

static bool has_stream(const struct find *find, struct buf *problem)
{
    for (size_t i = 0; i < find->configured.stream_count; i++) {
        if (is_wanted(find, i)) {
            return true;
        }
    }
    buf_printf(problem, "there is no stream \"%s\" in the configuration", find->stream);
    return false;
}

static int run(int argc, char **argv)
{
    struct find find = { 0 };
    struct buf problem = { 0 };
    int code = 2;
    if (!parse_arguments(argc, argv, &find)) {
        return command_explain_use(&find_command);
    }
    if (!read_id(&find, argv[optind])) {
        return 2;
    }
    if (configured_load(&find.configured, find.asking.config, &problem) && has_stream(&find, &problem) &&
        (find.configured.journal->durability != DURABILITY_MEMORY || asking_begin(&find.asking, &problem))) {
        code = look(&find);
    } else {
        asking_complain("find", &problem);
    }
    find_report_release(&find.report);
    configured_release(&find.configured);
    asking_end(&find.asking);
    buf_release(&find.looked);
    buf_release(&problem);
    return code;
}

static const struct command_option options[] = {
    ASKING_OPTIONS,
    { .name = "stream", .value = "STREAM", .help = "look for it in this stream alone", .letter = 's' },
    { .name = "json", .help = "one JSON object", .letter = 'j' },
    { 0 },
};

const struct command find_command = {
    .name = "find",
    .usage = "[--config FILE] [--stream STREAM] [--json] ID",
    .summary = "say where an event is: journal, dead letters, table, or nowhere",
    .help = "ID is the UUID that the gateway answered (`ids`). Looks at the journal and the dead letters in the data "
            "folder, and at the table "
            "of each stream, on each server; beside a running gateway, and without one. It shows the row, and why a "
            "dead letter is one. What "
            "could not be looked at is said on stderr.\n\n"
            "Exit code: 0 if it was found; 1 if it is in none of these places, all of which were looked at; 3 if it "
            "was not found, and "
            "something could not be looked at. A gateway has its own journal: look at each of several.",
    .options = options,
    .run = run,
};
