/* Turns fields without a column into an ALTER TABLE. */
#include "store/table/table_columns.h"

#include "event/column.h"
#include "event/stream.h"
#include "store/sql.h"
#include "store/table/table_catalog.h"
#include "store/table/table_ddl.h"
#include "store/table/table_judge.h"

#define MOST_COLUMN_BYTES ((uint64_t)2 << 20)

/* What table_add_columns carries around. */
struct alteration {
    struct store *store;
    struct store_session *session;
    size_t server;
    const struct stream *stream;
    int64_t timeout_ns;
    struct store_features features;
    struct store_reply reply;
};

static bool ask(struct alteration *alteration, struct slice sql, struct buf *answer)
{
    const struct table_catalog catalog = { alteration->store, alteration->session, alteration->server,
                                           alteration->stream->table, alteration->timeout_ns };
    return table_catalog_ask(&catalog, sql, MOST_COLUMN_BYTES, answer, &alteration->reply);
}

/* The statement, and the names of what it adds; false if nothing is missing. `rows`: the table's columns. */
static bool write_statement(const struct alteration *alteration, struct slice rows, struct buf *sql, struct buf *added)
{
    const struct stream *stream = alteration->stream;
    const struct table_form form = { 0 };
    const char *add = alteration->features.converts ? "ADD COLUMN IF NOT EXISTS " : "ADD COLUMN "; /* 18.16 has no IF */
    struct table_column found;
    buf_append_string(sql, "ALTER TABLE ");
    sql_table(alteration->store->database, stream->table, sql);
    for (size_t i = 0; i < stream->column_count; i++) {
        const struct column_spec *column = &stream->columns[i];
        if ((int)i == stream->event_id_column || table_find_column(rows, slice_from_string(column->name), &found)) {
            continue;
        }
        buf_printf(sql, "%s%s", added->len == 0 ? " " : ", ", add);
        table_ddl_column(column, &alteration->features, &form, sql);
        buf_printf(added, "%s%s", added->len == 0 ? "" : ", ", column->name);
    }
    return added->len != 0 && !sql->failed;
}

#define OF_TABLE "= {table:String} AND database = if({database:String} = '', currentDatabase(), {database:String})"

/* False: nothing to add to. There is no table, or it is none that keeps rows of its own (another one would lack the columns
 * then), or it was not made for such events, as it has no event_id; or the catalog cannot be read, which table_prepare
 * reports. */
static bool read_columns(struct alteration *alteration, struct buf *rows)
{
    const struct stream *stream = alteration->stream;
    struct table_column id;
    return stream->event_id_column >= 0 &&
           ask(alteration,
               SLICE("SELECT name, type, default_kind, default_expression FROM system.columns WHERE table " OF_TABLE
                     " AND table IN (SELECT name FROM system.tables WHERE name " OF_TABLE
                     " AND engine LIKE '%MergeTree')"),
               rows) &&
           table_find_column(buf_slice(rows), slice_from_string(stream->columns[stream->event_id_column].name), &id);
}

static bool alter(struct alteration *alteration, struct slice rows, struct buf *added, struct buf *problem)
{
    struct buf sql = { 0 }, ignored = { 0 };
    bool asked = write_statement(alteration, rows, &sql, added);
    struct store_query query = { .sql = buf_slice(&sql), .timeout_ns = alteration->timeout_ns };
    if (asked) {
        alteration->store->ops->query(alteration->session, alteration->server, &query, &ignored, &alteration->reply);
    }
    bool done = asked && alteration->reply.outcome == STORE_DONE;
    if (asked && !done) {
        buf_printf(problem, "stream %s: table %s: columns could not be added: %s\n", alteration->stream->name,
                   alteration->stream->table, alteration->reply.message);
    }
    buf_release(&sql);
    buf_release(&ignored);
    return done;
}

bool table_add_columns(struct store *store, struct store_session *session, size_t server, const struct stream *stream,
                       int64_t timeout_ns, struct buf *added, struct buf *problem)
{
    struct alteration alteration = {
        .store = store, .session = session, .server = server, .stream = stream, .timeout_ns = timeout_ns
    };
    struct buf rows = { 0 };
    store->ops->probe(session, server, &alteration.features, &alteration.reply);
    bool done = alteration.reply.outcome == STORE_DONE && read_columns(&alteration, &rows) &&
                alter(&alteration, buf_slice(&rows), added, problem);
    buf_release(&rows);
    return done;
}
