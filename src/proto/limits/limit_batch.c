/* Turns what was used into bytes for other gateways, and back. */
#include "proto/limits/limit_batch.h"

#include "base/assert.h"
#include "proto/limits/limits.h"

#define MAGIC UINT32_C(0x4C4C4C01) /* and a version */
#define HEAD 16
#define RECORD 40

static void append_u32(struct buf *out, uint32_t value)
{
    char bytes[4];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (char)(value >> 8 * i & 0xFF);
    }
    buf_append(out, bytes, sizeof bytes);
}

static void append_u64(struct buf *out, uint64_t value)
{
    append_u32(out, (uint32_t)(value & UINT32_MAX));
    append_u32(out, (uint32_t)(value >> 32));
}

static uint64_t read_u64(const char *at)
{
    return (uint64_t)load_u32(at) | (uint64_t)load_u32(at + 4) << 32;
}

void limit_batch_write(struct buf *out, uint64_t gateway, const struct limit_use *uses, size_t count)
{
    ASSERT_AT_MOST(count, LIMIT_BATCH_MOST);
    append_u32(out, MAGIC);
    append_u32(out, (uint32_t)count);
    append_u64(out, gateway);
    for (size_t i = 0; i < count; i++) {
        append_u32(out, (uint32_t)uses[i].policy);
        append_u32(out, uses[i].spending.requests);
        append_u32(out, uses[i].spending.events);
        append_u32(out, 0);
        append_u64(out, uses[i].who);
        append_u64(out, uses[i].spending.bytes);
        append_u64(out, (uint64_t)uses[i].spending.cpu_ns);
    }
}

bool limit_batch_next(struct slice *batches, uint64_t *gateway, struct slice *records)
{
    if (batches->len < HEAD || load_u32(batches->data) != MAGIC) {
        return false;
    }
    size_t count = load_u32(batches->data + 4);
    if (count > LIMIT_BATCH_MOST || batches->len < HEAD + count * RECORD) {
        return false;
    }
    *gateway = read_u64(batches->data + 8);
    *records = slice_make(batches->data + HEAD, count * RECORD);
    *batches = slice_after(*batches, HEAD + count * RECORD);
    return true;
}

bool limit_batch_use(struct slice *records, struct limit_use *use)
{
    if (records->len < RECORD) {
        return false;
    }
    const char *at = records->data;
    uint64_t cpu_ns = read_u64(at + 32);
    *use = (struct limit_use){
        .policy = (enum limit_policy)load_u32(at),
        .who = read_u64(at + 16),
        .spending = { .requests = load_u32(at + 4),
                      .events = load_u32(at + 8),
                      .bytes = read_u64(at + 24),
                      .cpu_ns = cpu_ns > INT64_MAX ? INT64_MAX : (int64_t)cpu_ns },
    };
    *records = slice_after(*records, RECORD);
    return true;
}
