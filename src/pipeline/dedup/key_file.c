/* Turns event ids into the records of a key file and back. */
#include "pipeline/dedup/key_file.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "event/event_id.h"

#include <string.h>

struct record_head {
    char magic[4];
    uint32_t count;
    int64_t wall_ns;
    uint64_t ids_hash;
    uint64_t head_hash; /* of the 24 bytes before it */
};

_Static_assert(sizeof(struct record_head) == KEY_RECORD_HEAD, "the head has no padding");

static const char magic[4] = { 'S', 'L', 'K', '1' };

void key_records_append(struct buf *out, const struct event_id *ids, size_t count, int64_t wall_ns)
{
    while (count != 0) {
        size_t now = count < KEY_RECORD_IDS ? count : KEY_RECORD_IDS;
        struct record_head head = { .count = (uint32_t)now, .wall_ns = wall_ns };
        memcpy(head.magic, magic, sizeof magic);
        head.ids_hash = hash_xxh3_64(ids, now * sizeof *ids);
        head.head_hash = hash_xxh3_64(&head, offsetof(struct record_head, head_hash));
        buf_append(out, &head, sizeof head);
        buf_append(out, ids, now * sizeof *ids);
        ids += now;
        count -= now;
    }
}

/* The length of the record at the front of `bytes`; 0 if it does not check. */
static size_t check_record(struct slice bytes, struct record_head *head)
{
    if (bytes.len < sizeof *head) {
        return 0;
    }
    memcpy(head, bytes.data, sizeof *head);
    if (memcmp(head->magic, magic, sizeof magic) != 0 || head->count == 0 || head->count > KEY_RECORD_IDS ||
        head->head_hash != hash_xxh3_64(head, offsetof(struct record_head, head_hash))) {
        return 0;
    }
    size_t length = sizeof *head + head->count * sizeof(struct event_id);
    if (bytes.len < length || head->ids_hash != hash_xxh3_64(bytes.data + sizeof *head, length - sizeof *head)) {
        return 0;
    }
    return length;
}

size_t key_records_read(struct slice bytes, key_record_each each, void *context, size_t *skipped)
{
    size_t at = 0, good_end = 0;
    *skipped = 0;
    while (at < bytes.len) {
        struct slice rest = slice_after(bytes, at);
        struct record_head head;
        size_t length = check_record(rest, &head);
        if (length != 0) {
            ASSERT_AT_MOST(good_end, at);
            *skipped += at - good_end;
            each(context, (const struct event_id *)(const void *)(rest.data + sizeof head), head.count, head.wall_ns);
            at += length;
            good_end = at;
            continue;
        }
        const char *next = memmem(rest.data + 1, rest.len - 1, magic, sizeof magic);
        if (next == NULL) {
            break;
        }
        at = (size_t)(next - bytes.data);
    }
    return good_end;
}
