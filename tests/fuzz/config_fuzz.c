/* A configuration that somebody hostile wrote, or that was cut off: whatever its bytes are, it is read or refused with lines that
 * say why, its streams compile or say why not, and none of it costs more than it weighs. */
#include <stdlib.h>

#include "config/config.h"
#include "event/stream.h"
#include "fuzz/cost.h"
#include "store/table/table.h"

#define NS_PER_BYTE 4000   /* of YAML in libyaml, and of a problem for each line */
#define DEFAULTS_BYTES 500 /* what all options weigh that an empty file leaves as they are */

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

static void compile(const struct config *config)
{
    for (size_t i = 0; i < config->stream_count; i++) {
        struct buf problems = { 0 };
        struct stream *stream = stream_compile(&config->streams[i], i, &problems);
        must((stream == NULL) == (problems.len != 0));
        stream_free(stream);
        buf_release(&problems);
    }
}

static void take(const uint8_t *data, size_t size)
{
    struct config config = { 0 };
    struct buf problems = { 0 };
    cost_weighs(DEFAULTS_BYTES);
    bool good = config_parse(&config, "fuzz.yaml", slice_make(data, size), nothing, &problems);
    must(good == (problems.len == 0));
    if (good) {
        compile(&config);
    }
    config_free(&config);
    buf_release(&problems);
}

COST_FUZZER(take, NS_PER_BYTE)
