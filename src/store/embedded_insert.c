#include "store/embedded_insert.h"

#include "base/error.h"
#include "base/lz4.h"
#include "event/segment/native.h"
#include "store/embedded_query.h"
#include "store/sql.h"
#include "store/store.h"

#define MAX_BLOCK_BYTES (UINT64_C(1) << 30)
/* Blocks are handed to the engine in pieces of about this size: it casts block by block, and forty columns of sixty rows
 * cost it twice as much a row as the same columns of some thousand (docs/decisions.md). */
#define MERGE_BYTES (UINT64_C(16) << 20)

bool embedded_insert_init(struct embedded_insert *insert)
{
    *insert = (struct embedded_insert){ .decoder = lz4_decoder_new(), .merger = native_merger_new() };
    return insert->decoder != NULL && insert->merger != NULL;
}

void embedded_insert_release(struct embedded_insert *insert)
{
    lz4_decoder_free(insert->decoder);
    native_merger_free(insert->merger);
    buf_release(&insert->blocks);
    buf_release(&insert->merged);
}

/* Unpacks frames from the front of *bytes until MERGE_BYTES are there; *count is how many. */
static enum error unpack_some(struct embedded_insert *insert, struct slice *bytes, size_t *count)
{
    buf_clear(&insert->blocks);
    for (*count = 0; bytes->len != 0 && insert->blocks.len < MERGE_BYTES; ++*count) {
        size_t used = 0;
        enum error error = lz4_frame_decode(insert->decoder, *bytes, &used, &insert->blocks, MAX_BLOCK_BYTES);
        if (error != OK) {
            return error;
        }
        *bytes = slice_after(*bytes, used);
    }
    return OK;
}

/* What was unpacked last, `count` blocks, becomes one in *piece. */
static enum error merge_some(struct embedded_insert *insert, size_t count, struct slice *piece)
{
    struct gather merged;
    if (count == 1 && !insert->marks_json) {
        *piece = buf_slice(&insert->blocks);
        return OK;
    }
    enum error error = native_merge(insert->merger, &insert->blocks, &merged);
    if (error != OK) {
        return error;
    }
    buf_clear(&insert->merged);
    buf_append_gather(&insert->merged, merged);
    *piece = buf_slice(&insert->merged);
    return insert->merged.failed ? ERROR_OUT_OF_MEMORY : OK;
}

/* Unpacks the segment into the open stream; false if the engine refuses, or *damage: it is damaged, or memory is short. */
static bool append_blocks(struct embedded_insert *insert, const struct chdb *chdb, struct chdb_insert_stream *stream,
                          struct slice bytes, enum error *damage)
{
    while (bytes.len != 0) {
        size_t count = 0;
        struct slice piece;
        *damage = unpack_some(insert, &bytes, &count);
        if (*damage == OK) {
            *damage = merge_some(insert, count, &piece);
        }
        if (*damage != OK || chdb->stream_append(stream, piece.data, piece.len) != 0) {
            return false;
        }
    }
    return true;
}

static void stream_segment(struct embedded_insert *insert, const struct chdb *chdb, chdb_connection connection,
                           struct slice statement, const struct store_insert *what, struct store_reply *reply)
{
    enum error damage = OK;
    insert->marks_json = what->json_stream != NULL;
    native_merger_mark_json(insert->merger, what->json_stream);
    struct chdb_insert_stream *stream = chdb->stream_insert_n(connection, statement.data, statement.len, "Native", 6);
    bool whole = chdb->stream_insert_error(stream) == NULL && append_blocks(insert, chdb, stream, what->bytes, &damage);
    if (whole) {
        embedded_read_result(chdb, chdb->stream_done(stream), NULL, 0, reply);
    } else {
        struct slice text = damage != OK ? slice_from_string(error_info(damage)->text)
                                         : embedded_error_text(chdb->stream_insert_error(stream));
        enum store_outcome outcome = damage == ERROR_OUT_OF_MEMORY ? STORE_UNREACHABLE : STORE_ANSWERED;
        store_reply_set(reply, outcome, damage != OK ? 0 : store_parse_error_code(text), 0, text);
        chdb->stream_cancel_insert(stream);
    }
    chdb->destroy_insert_stream(stream);
}

#define AS_ASSIGNMENT(name, value) ", " name " = " value

void embedded_insert_run(struct embedded_insert *insert, const struct chdb *chdb, chdb_connection connection,
                         const char *database, const struct store_insert *what, struct store_reply *reply)
{
    struct buf statement = { 0 };
    sql_insert(what, database, &statement);
    buf_append_string(&statement, " SETTINGS insert_deduplication_token = ");
    sql_quote_literal(slice_from_string(what->token), &statement);
    buf_append_string(
        &statement,
        ", insert_deduplicate = 1, async_insert = 0, max_execution_time = 0, "
        "optimize_on_insert = 0, deduplicate_blocks_in_dependent_materialized_views = 1" STORE_JSON_SETTINGS(
            AS_ASSIGNMENT));
    if (what->missing_column != NULL) {
        buf_append_string(&statement, ", input_format_skip_unknown_fields = 1");
    }
    if (statement.failed) {
        store_reply_set(reply, STORE_UNREACHABLE, 0, 0, SLICE("out of memory"));
    } else {
        stream_segment(insert, chdb, connection, buf_slice(&statement), what, reply);
    }
    buf_release(&statement);
}
