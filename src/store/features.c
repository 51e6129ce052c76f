/* Turns what a server says of itself into what it can do. */
#include "base/clock.h"
#include "store/kinds.h"
#include "store/store.h"

void store_features_by_version(struct store_features *features, struct slice version)
{
    struct slice rest = version;
    struct slice piece;
    uint64_t major = 0;
    uint64_t minor = 0;
    bool parsed = slice_split(&rest, '.', &piece) && slice_to_u64(piece, &major) && major < 1000 &&
                  slice_split(&rest, '.', &piece) && slice_to_u64(piece, &minor) && minor < 1000;
    *features = (struct store_features){ .known = parsed,
                                         .started_wall_s = features->started_wall_s,
                                         .up_since_ns = features->up_since_ns };
    if (!parsed) {
        return;
    }
    features->major = (int)major;
    features->minor = (int)minor;
    /* 18.16 was measured; the rest is from ClickHouse's change log, never earlier than what it says. */
    const struct {
        bool *feature;
        uint64_t major, minor;
    } since[] = {
        { &features->low_cardinality, 20, 1 },
        { &features->parameters, 20, 1 },
        { &features->unix_times, 20, 8 },
        { &features->fsync_settings, 20, 12 },
        { &features->optimize_on_insert, 21, 1 },
        { &features->deduplication_window, 22, 3 }, /* 21.8, but without tokens it takes equal blocks for repeats */
        { &features->lz4_body, 21, 8 },
        { &features->async_insert, 21, 11 },
        { &features->map, 21, 12 },
        { &features->tokens, 22, 3 },
        { &features->converts, 23, 3 },
        { &features->view_tokens, 24, 8 }, /* before, batches of equal view rows counted as repeats */
        { &features->merges_compact, 25, 3 },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(since); i++) {
        *since[i].feature = major > since[i].major || (major == since[i].major && minor >= since[i].minor);
    }
    features->json = store_has_kind(features->major, features->minor, KIND_JSON);
}

bool store_parse_probe(struct slice answer, int64_t now_ns, struct store_features *features)
{
    struct slice rest = answer;
    struct slice version;
    struct slice started;
    struct slice uptime;
    uint64_t uptime_s = 0;
    if (!slice_split(&rest, '\t', &version) || rest.data == NULL || !slice_split(&rest, '\t', &started) ||
        rest.data == NULL || !slice_split(&rest, '\n', &uptime)) {
        return false;
    }
    store_features_by_version(features, version);
    if (!features->known || !slice_to_i64(started, &features->started_wall_s) || !slice_to_u64(uptime, &uptime_s) ||
        uptime_s > UINT32_MAX) {
        return false;
    }
    features->up_since_ns = now_ns - (int64_t)uptime_s * NS_PER_SECOND; /* uptime() is rounded down */
    return true;
}
