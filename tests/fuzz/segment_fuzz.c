/* Fuzzes what reads a segment's bytes: header and walk over its frames and seal, damaged or not. */
#include "event/segment/segment.h"
#include "fuzz/cost.h"
#include "sample_rows.h"

#define NAME "events-01890a5d-ac96-774b-bcce-b302099a8057"

static void print_rows(void *context, uint64_t offset, uint64_t length, struct native_block *block)
{
    (void)offset;
    (void)length;
    for (uint64_t row = 0; row < block->rows && row < 100; row++) {
        buf_clear(context);
        native_row_to_json(block, row, context);
    }
}

static void read_segment(struct slice bytes)
{
    struct segment_header header;
    struct segment_summary summary;
    struct buf out = { 0 };
    struct segment_visitor visitor = { .context = &out, .frame = print_rows };
    size_t length = 0;
    bool known = segment_header_read(&header, bytes, &length);
    (void)!segment_walk(bytes, length, known ? &header : NULL, &visitor, &summary);
    segment_header_release(&header);
    buf_release(&out);
}

/* As they come, and behind a header that checks, before a seal that does. */
static void take(const uint8_t *data, size_t size)
{
    static struct stream *stream;
    struct buf segment = { 0 };
    if (stream == NULL) {
        stream = sample_stream();
    }
    read_segment(slice_make(data, size));
    segment_header_write(stream, NAME, "", &segment);
    buf_append(&segment, data, size);
    if (size % 2 == 0) {
        segment_seal_write(NAME, size, segment.len, &segment);
    }
    read_segment(buf_slice(&segment));
    buf_release(&segment);
}

COST_FUZZER(take, 1000)
