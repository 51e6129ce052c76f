/* Turns the keys of a configuration into who may come in, and into what people are told of them. */
#include "gateway_streams.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/metrics/metrics.h"
#include "config/config.h"
#include "event/stream.h"
#include "event/time/time_parse.h"
#include "proto/access/access.h"
#include "proto/front/origins.h"

/* Without keys all events would have one tenant, and nobody would be told. */
static bool check_tenants(const struct config *config, struct stream *const *streams, struct buf *problems)
{
    bool fit = true;
    for (size_t i = 0; i < config->stream_count && config->key_count == 0; i++) {
        if (streams[i]->has_tenant) {
            buf_printf(problems,
                       "%s:%d: %s: found tenant: key, expected keys: without them all events have one tenant; add keys "
                       "or a keys_file, or leave tenant out\n",
                       config->streams[i].file, config->streams[i].line, config->streams[i].name);
            fit = false;
        }
    }
    return fit;
}

bool gateway_access_new(const struct config *config, struct stream *const *streams, struct access **access,
                        struct buf *problems)
{
    *access = NULL;
    if (!check_tenants(config, streams, problems)) {
        return false;
    }
    *access = config->key_count == 0
                  ? NULL
                  : access_new(config->keys, config->key_count, streams, config->stream_count, problems);
    return config->key_count == 0 || *access != NULL;
}

void gateway_access_free(struct access *access)
{
    access_free(access);
}

/* Does one list of origins allow all that this entry of another does? */
static bool covers(const struct string_list *list, const char *entry)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i], entry) == 0 || strcmp(list->items[i], "*") == 0) {
            return true;
        }
    }
    return !origins_is_pattern(entry) && origins_find(list, slice_from_string(entry)) >= 0;
}

static bool asks_for_certificates(const struct http_options *http)
{
    for (size_t i = 0; i < http->listener_count; i++) {
        if (http->listeners[i].tls.client_ca != NULL) {
            return true;
        }
    }
    return false;
}

static void doubt_expiry(const struct key_options *key, int64_t wall_ns, struct buf *doubts)
{
    struct moment moment;
    if (*key->expires != '\0' && moment_from_text(slice_from_string(key->expires), &moment) &&
        moment_to_ns(moment) <= wall_ns) {
        buf_printf(doubts, "%s:%d: keys.%s.expires: found %s, which is over: the key is refused\n", key->file,
                   key->line, key->name, key->expires);
    }
}

void gateway_access_doubts(const struct config *config, struct buf *doubts)
{
    bool certificates = asks_for_certificates(&config->http);
    int64_t wall_ns = clock_wall_ns();
    for (size_t i = 0; i < config->key_count; i++) {
        const struct key_options *key = &config->keys[i];
        doubt_expiry(key, wall_ns, doubts);
        if (*key->subject != '\0' && !certificates) {
            buf_printf(doubts, "%s:%d: keys.%s.subject: no listener has tls.client_ca, so no client can prove it\n",
                       key->file, key->line, key->name);
        }
        for (size_t k = 0; k < key->origins.count; k++) {
            if (!covers(&config->http.cors_origins, key->origins.items[k])) {
                buf_printf(doubts,
                           "%s:%d: keys.%s.origins: found \"%s\", which http.cors_origins lacks: its pages can open no "
                           "WebSocket and read no reply\n",
                           key->file, key->line, key->name, key->origins.items[k]);
            }
        }
    }
}

void gateway_access_count(struct access *access, const struct access *before, struct metrics *metrics)
{
    if (access != NULL) {
        access_count_in(access, before, metrics);
    } else {
        metrics_forget_keys(metrics);
    }
}

/* Keys, told to people. */

static bool load_access(const char *path, struct config *config, struct stream ***streams, struct access **access,
                        struct buf *problems)
{
    *streams = NULL;
    *access = NULL;
    return config_load(config, path == NULL ? DEFAULT_CONFIG : path, config_environment, problems) &&
           (*streams = gateway_streams_compile(config, problems)) != NULL &&
           gateway_access_new(config, *streams, access, problems);
}

static void release_access(struct config *config, struct stream **streams, struct access *access)
{
    access_free(access);
    gateway_streams_free(streams, config->stream_count);
    config_free(config);
}

static void append_texts(const char *what, const struct string_list *list, const char *none, struct buf *out)
{
    buf_printf(out, " %s=%s", what, list->count == 0 ? none : "");
    for (size_t i = 0; i < list->count; i++) {
        buf_printf(out, "%s%s", i == 0 ? "" : ",", list->items[i]);
    }
}

static void append_key(const struct key_options *key, struct buf *out)
{
    static const char *const scopes[] = { "write", "read", "admin" }; /* enum access_scope */
    const char *separator = " scopes=";
    buf_append_string(out, key->name);
    for (unsigned i = 0; i < ARRAY_LENGTH(scopes); i++) {
        if ((key->scopes & 1u << i) != 0) {
            buf_printf(out, "%s%s", separator, scopes[i]);
            separator = ",";
        }
    }
    append_texts("streams", &key->streams, "all", out);
    append_texts("origins", &key->origins, "any", out);
    buf_printf(out, " expires=%s%s%s", *key->expires == '\0' ? "never" : key->expires,
               *key->subject == '\0' ? "" : " subject=", key->subject);
    buf_printf(out, "%s\n", key->disabled ? " disabled" : "");
}

bool gateway_access_list(const char *path, struct buf *out, struct buf *problems)
{
    struct config config = { 0 };
    struct stream **streams;
    struct access *access;
    bool good = load_access(path, &config, &streams, &access, problems);
    for (size_t i = 0; good && i < config.key_count; i++) {
        append_key(&config.keys[i], out);
    }
    buf_append_string(out, good && access == NULL ? "no keys: whoever comes may do all\n" : "");
    release_access(&config, streams, access);
    return good;
}

/* Wherever it is used: its origins are told. */
static int describe(const struct config *config, const struct access *access, struct slice text, struct buf *out)
{
    const struct access_key *key;
    const struct credential credential = { .key = text };
    enum error error =
        text.len == 0 ? ERROR_KEY_MALFORMED : access_identify(access, &credential, clock_wall_ns(), &key);
    uint8_t hash[ACCESS_HASH_SIZE];
    if (error == ERROR_KEY_ORIGIN && digest_sha256(text, hash)) {
        error = access_recall(access, hash, clock_wall_ns(), &key);
    }
    if (error == OK) {
        append_key(&config->keys[key->index], out);
        return 0;
    }
    buf_printf(out, "%s: %s\n", error_info(error)->code, error_info(error)->text);
    return 1;
}

int gateway_access_describe(const char *path, struct slice text, struct buf *out, struct buf *problems)
{
    struct config config = { 0 };
    struct stream **streams;
    struct access *access;
    int code = 2;
    if (load_access(path, &config, &streams, &access, problems)) {
        code = access == NULL ? 1 : describe(&config, access, text, out);
        buf_append_string(out, access == NULL ? "no keys: whoever comes may do all\n" : "");
    }
    release_access(&config, streams, access);
    return code;
}
