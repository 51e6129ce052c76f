/* Turns any bytes into Native blocks and each block into JSON, into rows written again, and into a merged block. */
#include <stdlib.h>

#include "event/segment/native.h"
#include "fuzz/cost.h"

#define MAX_ROWS 64 /* a block without columns may claim any number of rows */

static void must(bool promise)
{
    if (!promise) {
        abort();
    }
}

static void use_block(struct native_block *block)
{
    struct buf out = { 0 };
    uint64_t rows = block->rows < MAX_ROWS ? block->rows : MAX_ROWS;
    for (uint64_t row = 0; row < rows; row++) {
        native_row_to_json(block, row, &out);
    }
    for (size_t i = 0; i < block->column_count; i++) {
        int64_t min_ns = INT64_MAX, max_ns = INT64_MIN;
        native_time_range(&block->columns[i], block->rows, &min_ns, &max_ns);
        must(native_find(block, block->columns[i].name) != NULL);
    }
    if (block->column_count != 0 && block->rows != 0) {
        struct native_block again = { 0 };
        buf_clear(&out);
        native_write_rows(block, 0, rows, &out);
        struct slice written = buf_slice(&out);
        must(native_read(&again, &written) && written.len == 0 && again.rows == rows);
        native_block_release(&again);
    }
    buf_release(&out);
}

static void take(const uint8_t *data, size_t size)
{
    struct native_block block = { 0 };
    struct slice rest = slice_make(data, size);
    struct buf blocks = { 0 };
    struct buf whole = { 0 };
    struct gather merged;
    struct native_merger *merger = native_merger_new();
    while (rest.len != 0 && native_read(&block, &rest)) {
        use_block(&block);
    }
    buf_append(&blocks, data, size);
    if (merger != NULL && native_merge(merger, &blocks, &merged) == OK) {
        buf_append_gather(&whole, merged);
        struct slice bytes = buf_slice(&whole);
        must(whole.len == 0 || native_read(&block, &bytes));
    }
    buf_release(&blocks);
    native_block_release(&block);
    native_merger_free(merger);
    buf_release(&whole);
}

COST_FUZZER(take, 200)
