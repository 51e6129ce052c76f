/* Two configurations that somebody hostile wrote, the first that of the start, the second read anew by a reload: what is kept of the
 * second can be served beside the first without a restart, is told by name, is the same whenever it is asked, and costs no more
 * than both weigh. */
#include <stdlib.h>

#include "config/config.h"
#include "config/reload.h"
#include "config/tables/option_table.h"
#include "event/stream.h"
#include "fuzz/cost.h"

#define NS_PER_BYTE 8000    /* both are read, and each option is looked at twice */
#define DEFAULTS_BYTES 1000 /* what all options of two files weigh */
#define BETWEEN 0x1E        /* the byte between the two files */
#define EDITED 'e'          /* else: what follows edits the files of below */

/* Bytes alone seldom make a file. */
static const char base[] = "log: { level: info }\n"
                           "http: { idle_timeout: 9s, hosts: [a.b], cors_origins: [\"https://a.b\"], io_threads: 1 }\n"
                           "udp: { listeners: [{ listen: \":1\" }, { listen: \":2\", allow: [1.2.3.4] }] }\n"
                           "limits: { all: { events: 9 }, address: { bytes: 9 } }\n"
                           "keys: { a: { scopes: write, sha256: \"\", disabled: true } }\n"
                           "setup: [a, b]\n"
                           "routes: [{ path: /r, stream: s }]\n"
                           "replies: { r: { any: { status: 200 } } }\n"
                           "streams:\n"
                           "- { name: s, batch: { max_rows: 7 }, fields: [{ name: a, type: String, from: [b.c, d] },\n"
                           "    { name: b, type: UInt8, max: 9 }] }\n"
                           "- { name: t, dedup_key: [a], fields: [{ name: a, type: UUID }] }\n";

static const char *nothing(const char *name)
{
    (void)name;
    return NULL;
}

static void must(bool promise)
{
    if (!promise) {
        abort();
    }
}

static bool load(struct config *config, struct slice text)
{
    struct buf problems = { 0 };
    bool good = config_parse(config, "fuzz.yaml", text, nothing, &problems);
    must(good == (problems.len == 0));
    buf_release(&problems);
    return good;
}

static bool keep(struct config *next, const struct config *start, struct buf *restarts)
{
    return config_keep(&option_sections, next, start, next->memory, restarts);
}

static void has_no_difference(const struct config *config)
{
    struct buf lines = { 0 };
    config_tell_changes(&option_sections, config, config, &lines);
    must(lines.len == 0);
    buf_release(&lines);
}

/* Streams stay where they are, and compile or say why not. */
static void streams_stay(const struct config *next, const struct config *start)
{
    must(next->stream_count == start->stream_count);
    for (size_t i = 0; i < next->stream_count; i++) {
        struct buf problems = { 0 };
        must(strcmp(next->streams[i].name, start->streams[i].name) == 0);
        must(strcmp(next->streams[i].table, start->streams[i].table) == 0);
        struct stream *stream = stream_compile(&next->streams[i], i, &problems);
        must((stream == NULL) == (problems.len != 0));
        stream_free(stream);
        buf_release(&problems);
    }
}

static void reload(struct config *next, const struct config *start)
{
    struct buf restarts = { 0 }, again = { 0 }, changes = { 0 };
    has_no_difference(start);
    has_no_difference(next);
    if (keep(next, start, &restarts)) {
        must(keep(next, start, &again));
        must(again.len == 0);
        must(next->http.io_threads == start->http.io_threads);
        must(next->http.listener_count == start->http.listener_count);
        config_tell_changes(&option_sections, start, next, &changes);
        streams_stay(next, start);
    }
    buf_release(&restarts);
    buf_release(&again);
    buf_release(&changes);
}

static void take_two(struct slice first, struct slice second)
{
    struct config start = { 0 }, next = { 0 };
    if (load(&start, first) && load(&next, second)) {
        reload(&next, &start);
    }
    config_free(&next);
    config_free(&start);
}

/* Each three bytes put another one somewhere, in one of the files. */
static void take_edited(struct slice edits)
{
    char files[2][sizeof base];
    memcpy(files[0], base, sizeof base);
    memcpy(files[1], base, sizeof base);
    cost_weighs(2 * sizeof base);
    for (size_t i = 0; i + 3 <= edits.len; i += 3) {
        unsigned where = (unsigned char)edits.data[i] | (unsigned)(unsigned char)edits.data[i + 1] << 8;
        files[where >> 15][(where & 0x7FFF) % (sizeof base - 1)] = edits.data[i + 2];
    }
    take_two(slice_make(files[0], sizeof base - 1), slice_make(files[1], sizeof base - 1));
}

static void take(const uint8_t *data, size_t size)
{
    struct slice rest = slice_make(data, size), first;
    cost_weighs(DEFAULTS_BYTES);
    if (rest.len != 0 && rest.data[0] == EDITED) {
        take_edited(slice_after(rest, 1));
    } else {
        (void)slice_split(&rest, BETWEEN, &first);
        take_two(first, rest);
    }
}

COST_FUZZER(take, NS_PER_BYTE)
