/* The format of key files: event ids in checksummed records, one behind the other.
 *
 * A record is a head of 32 bytes (magic "SLK1", count, wall time in ns, XXH3-64 of the ids, XXH3-64 of the head so
 * far) and 16 bytes an id; little-endian. Pure: bytes in, bytes out. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct buf;
struct event_id;
struct slice;

#define KEY_RECORD_IDS 65536u /* at most; more become several records */
#define KEY_RECORD_HEAD 32u

/* Appends records with these ids; `wall_ns` is when they were first seen. */
void key_records_append(struct buf *out, const struct event_id *ids, size_t count, int64_t wall_ns);

typedef void (*key_record_each)(void *context, const struct event_id *ids, size_t count, int64_t wall_ns);

/* Calls `each` for every record that checks, in order; the ids are valid during the call. Bytes that do not check are
 * skipped up to the next record that does. Returns the length up to the end of the last good record: what lies behind
 * is a torn tail. *skipped is how many bytes did not check before it. */
size_t key_records_read(struct slice bytes, key_record_each each, void *context, size_t *skipped);
