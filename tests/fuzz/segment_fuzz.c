/* Fuzzes what reads a segment's bytes: header and walk over its frames, damaged or not. */
#include "event/segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void print_rows(void *context, uint64_t offset, uint64_t length, struct native_block *block)
{
    (void)offset;
    (void)length;
    for (uint64_t row = 0; row < block->rows && row < 100; row++) {
        buf_clear(context);
        native_row_to_json(block, row, context);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice bytes = slice_make(data, size);
    struct segment_header header;
    struct segment_summary summary;
    struct buf out = { 0 };
    struct segment_visitor visitor = { .context = &out, .frame = print_rows };
    size_t length = 0;
    bool known = segment_header_read(&header, bytes, &length);
    (void)!segment_walk(bytes, length, known ? &header : NULL, &visitor, &summary);
    segment_header_release(&header);
    buf_release(&out);
    return 0;
}
