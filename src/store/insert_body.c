/* Turns an INSERT into the bytes of its request. */
#include "store/insert_body.h"

#include "base/assert.h"
#include "base/lz4.h"
#include "event/segment/native.h"
#include "store/sql.h"
#include "store/store.h"

#include <stdlib.h>

#define MAX_PLAIN_BYTES (UINT64_C(4) << 30)
#define PLAIN_BYTES_KEPT ((size_t)256 << 20) /* from batch to batch */

struct insert_body {
    struct lz4_encoder *encoder; /* of statements; this and the next two are made when first needed */
    struct lz4_decoder *decoder; /* this and the next two are for servers that want the rows plain */
    struct native_merger *merger;
    struct buf blocks;
    struct buf packed;    /* the rows, once more */
    struct buf statement; /* as it travels */
    struct buf pieces;    /* struct slice */
};

struct insert_body *insert_body_new(void)
{
    return calloc(1, sizeof(struct insert_body));
}

void insert_body_free(struct insert_body *body)
{
    if (body != NULL) {
        lz4_encoder_free(body->encoder);
        lz4_decoder_free(body->decoder);
        native_merger_free(body->merger);
        buf_release(&body->blocks);
        buf_release(&body->packed);
        buf_release(&body->statement);
        buf_release(&body->pieces);
        free(body);
    }
}

void insert_body_shed(struct insert_body *body)
{
    buf_shed(&body->blocks, PLAIN_BYTES_KEPT);
    buf_shed(&body->packed, PLAIN_BYTES_KEPT);
}

/* One plain Native block: cut short, it inserts nothing. */
static enum error unpack_rows(struct insert_body *body, const struct store_insert *insert, struct gather *rows)
{
    buf_clear(&body->blocks);
    if (body->decoder == NULL) {
        body->decoder = lz4_decoder_new();
    }
    if (body->merger == NULL) {
        body->merger = native_merger_new();
    }
    if (body->decoder == NULL || body->merger == NULL) {
        return ERROR_OUT_OF_MEMORY;
    }
    native_merger_mark_json(body->merger, insert->json_stream);
    enum error error = lz4_frames_decode(body->decoder, insert->bytes, &body->blocks, MAX_PLAIN_BYTES);
    return error == OK ? native_merge(body->merger, &body->blocks, rows) : error;
}

static bool has_encoder(struct insert_body *body)
{
    if (body->encoder == NULL) {
        body->encoder = lz4_encoder_new();
    }
    return body->encoder != NULL;
}

/* The rows become one frame again. */
static enum error pack_rows(struct insert_body *body, struct gather *rows, struct slice *frame)
{
    if (!has_encoder(body)) {
        return ERROR_OUT_OF_MEMORY;
    }
    buf_clear(&body->packed);
    lz4_frame_begin(body->encoder, &body->packed, rows->bytes);
    for (size_t i = 0; i < rows->count; i++) {
        lz4_frame_write(body->encoder, rows->pieces[i].data, rows->pieces[i].len);
    }
    if (!lz4_frame_end(body->encoder)) {
        return ERROR_OUT_OF_MEMORY;
    }
    *frame = buf_slice(&body->packed);
    *rows = gather_one(frame);
    return OK;
}

/* The statement becomes a frame of its own. */
static bool pack_statement(struct insert_body *body)
{
    struct buf packed = { 0 };
    if (!has_encoder(body)) {
        return false;
    }
    lz4_frame_begin(body->encoder, &packed, body->statement.len);
    lz4_frame_write(body->encoder, body->statement.data, body->statement.len);
    bool whole = lz4_frame_end(body->encoder);
    buf_release(&body->statement);
    body->statement = packed;
    return whole;
}

/* The rows begin behind the first line end after FORMAT. */
static bool write_statement(struct insert_body *body, const struct store_insert *insert, const char *database)
{
    buf_clear(&body->statement);
    sql_insert(insert, database, &body->statement);
    buf_append_string(&body->statement, " FORMAT Native\n");
    return !body->statement.failed;
}

enum error insert_body_make(struct insert_body *body, const struct store_insert *insert, const char *database,
                            bool packed, struct gather *pieces, size_t *statement_bytes)
{
    struct gather rows = gather_one(&insert->bytes);
    bool written = write_statement(body, insert, database);
    *statement_bytes = body->statement.len;
    if (!written || (packed && !pack_statement(body))) {
        return ERROR_OUT_OF_MEMORY;
    }
    struct slice frame;
    bool as_they_lie = packed && insert->json_stream == NULL;
    enum error error = as_they_lie ? OK : unpack_rows(body, insert, &rows);
    if (error == OK && packed && !as_they_lie) {
        error = pack_rows(body, &rows, &frame);
    }
    if (error != OK) {
        return error;
    }
    struct slice statement = buf_slice(&body->statement);
    ASSERT(statement.len != 0 && rows.count != 0);
    buf_clear(&body->pieces);
    buf_append(&body->pieces, &statement, sizeof statement);
    buf_append(&body->pieces, rows.pieces, rows.count * sizeof statement);
    *pieces =
        (struct gather){ (const struct slice *)(void *)body->pieces.data, rows.count + 1, rows.bytes + statement.len };
    return body->pieces.failed ? ERROR_OUT_OF_MEMORY : OK;
}
