/* Turns the name of a store into one, and what all stores share: features by version, replies. */
#include "store/store.h"

#include "store/engine_config.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/plain_text.h"
#include "config/options/store_options.h"
#include "store/kinds.h"

#define MESSAGE_END 256 /* bytes of a long message's end that are kept */
#define MESSAGE_GAP " [...] "

struct store *store_new(const struct store_options *options, const char *data_folder, bool fsync, struct buf *problem)
{
    switch (options->kind) {
    case STORE_CLICKHOUSE: return store_clickhouse_new(options, problem);
    case STORE_EMBEDDED: return store_embedded_new(options, data_folder, fsync, problem);
    }
    return NULL;
}

bool store_open(struct store *store, struct buf *problem)
{
    return store->ops->open == NULL || store->ops->open(store, problem);
}

bool store_check(const struct store_options *options, struct buf *problems)
{
    bool configured = options->engine_config != NULL && options->engine_config[0] != '\0';
    if (configured && options->kind != STORE_EMBEDDED) {
        buf_append_string(problems,
                          "store.engine_config: found a file, expected none: it is for the store in process\n");
        return false;
    }
    if (options->kind != STORE_CLICKHOUSE) {
        return !configured || engine_config_check(options->engine_config, problems);
    }
    struct store *store = store_clickhouse_new(options, problems);
    if (store == NULL) {
        buf_append_byte(problems, '\n');
        return false;
    }
    store->ops->free(store);
    return true;
}

int store_parse_error_code(struct slice text)
{
    struct slice mark = SLICE("Code: ");
    const char *found = text.len == 0 ? NULL : memmem(text.data, text.len, mark.data, mark.len);
    if (found == NULL) {
        return 0;
    }
    int code = 0;
    for (const char *at = found + mark.len; at < text.data + text.len && *at >= '0' && *at <= '9'; at++) {
        if (code > 100000) {
            return 0;
        }
        code = code * 10 + (*at - '0');
    }
    return code;
}

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

/* Of a long one the beginning and the end, where ClickHouse says what it was at. */
static size_t copy_message(struct slice message, char *out, size_t size)
{
    if (message.len < size) {
        return plain_text_copy(message, out, size);
    }
    size_t length = plain_text_copy(message, out, size - MESSAGE_END - sizeof MESSAGE_GAP + 1);
    ASSERT_BELOW(length, size);
    length += plain_text_copy(SLICE(MESSAGE_GAP), out + length, size - length);
    return length + plain_text_copy(slice_after(message, message.len - MESSAGE_END), out + length, size - length);
}

void store_reply_set(struct store_reply *reply, enum store_outcome outcome, int code, int http_status,
                     struct slice message)
{
    reply->outcome = outcome;
    reply->code = code;
    reply->http_status = http_status;
    size_t len = copy_message(slice_trim(message), reply->message, sizeof reply->message);
    while (len != 0 && reply->message[len - 1] == ' ') {
        reply->message[--len] = '\0';
    }
}
