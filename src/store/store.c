/* Turns the name of a store into one, and what all stores share: features by version, replies. */
#include "store/store.h"

#include "store/engine_config.h"

#include "base/assert.h"
#include "base/plain_text.h"
#include "config/options/store_options.h"

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
