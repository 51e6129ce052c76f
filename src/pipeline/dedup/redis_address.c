/* Turns a redis:// URL into an address. */
#include "pipeline/dedup/redis_address.h"

#include "base/tls/tls_fault.h"
#include "config/options/dedup_options.h"

#include <stdio.h>
#include <stdlib.h>

#define FORM                                                                                                           \
    "expected redis://[[user]:password@]host[:port][/database], rediss://… or redis+unix://[…@]/path[?db=database]"

static bool take_prefix(struct slice *rest, struct slice prefix)
{
    if (!slice_starts_with(*rest, prefix)) {
        return false;
    }
    *rest = slice_after(*rest, prefix.len);
    return true;
}

/* What is before `separator`; all of it, and nothing left, if there is none. */
static struct slice take_until(struct slice *rest, char separator, bool *found)
{
    const char *at = rest->len == 0 ? NULL : memchr(rest->data, separator, rest->len);
    struct slice piece = *rest;
    *found = at != NULL;
    if (at != NULL) {
        piece.len = (size_t)(at - rest->data);
        *rest = slice_after(*rest, piece.len + 1);
    } else {
        *rest = slice_after(*rest, rest->len);
    }
    return piece;
}

/* A copy with each %XX decoded; NULL if one is not a byte other than 0, or memory is short. */
static char *decode(struct slice text)
{
    char *copy = malloc(text.len + 1);
    size_t len = 0;
    for (size_t i = 0; copy != NULL && i < text.len; i++) {
        copy[len] = text.data[i];
        if (text.data[i] == '%') {
            int high = i + 2 < text.len ? hex_digit(text.data[i + 1]) : -1;
            int low = i + 2 < text.len ? hex_digit(text.data[i + 2]) : -1;
            if (high < 0 || low < 0 || high * 16 + low == 0) {
                free(copy);
                return NULL;
            }
            copy[len] = (char)(high * 16 + low);
            i += 2;
        }
        len++;
    }
    if (copy != NULL) {
        copy[len] = '\0';
    }
    return copy;
}

/* Cuts "user:password@" off; a lone word is the password, as redis-cli reads it. */
static bool take_credentials(struct slice *rest, struct redis_address *address)
{
    const char *at = rest->len == 0 ? NULL : memrchr(rest->data, '@', rest->len);
    struct slice user = { "", 0 };
    struct slice password = { "", 0 };
    if (at != NULL) {
        bool has_colon;
        struct slice credentials = slice_make(rest->data, (size_t)(at - rest->data));
        *rest = slice_after(*rest, credentials.len + 1);
        user = take_until(&credentials, ':', &has_colon);
        password = credentials;
        if (!has_colon) {
            password = user;
            user.len = 0;
        }
    }
    address->user = decode(user);
    address->password = decode(password);
    return address->user != NULL && address->password != NULL;
}

static bool read_database(struct slice text, struct redis_address *address)
{
    uint64_t database = 0;
    if (text.len != 0 && (!slice_to_u64(text, &database) || database > INT32_MAX)) {
        return false;
    }
    address->database = (int64_t)database;
    return true;
}

static bool read_host_and_port(struct slice text, struct redis_address *address)
{
    bool found;
    uint64_t port = REDIS_DEFAULT_PORT;
    struct slice host;
    if (take_prefix(&text, SLICE("["))) {
        host = take_until(&text, ']', &found);
        if (!found || (text.len != 0 && !take_prefix(&text, SLICE(":")))) {
            return false;
        }
    } else {
        host = take_until(&text, ':', &found);
    }
    if (host.len == 0 || (text.len != 0 && (!slice_to_u64(text, &port) || port == 0 || port > 65535))) {
        return false;
    }
    address->host = strndup(host.data, host.len);
    address->path = strdup("");
    address->port = (int)port;
    bool is_ipv6 = memchr(host.data, ':', host.len) != NULL;
    return address->host != NULL && address->path != NULL &&
           asprintf(&address->name, is_ipv6 ? "redis%s://[%s]:%d/%lld" : "redis%s://%s:%d/%lld",
                    address->secure ? "s" : "", address->host, address->port, (long long)address->database) >= 0;
}

static bool read_tcp(struct slice rest, struct redis_address *address)
{
    bool found;
    struct slice place = take_until(&rest, '/', &found);
    return read_database(rest, address) && read_host_and_port(place, address);
}

static bool read_unix(struct slice rest, struct redis_address *address)
{
    bool found;
    struct slice path = take_until(&rest, '?', &found);
    if (path.len < 2 || path.data[0] != '/' || (found && !take_prefix(&rest, SLICE("db=")))) {
        return false;
    }
    address->host = strdup("");
    address->path = strndup(path.data, path.len);
    return read_database(rest, address) && address->host != NULL && address->path != NULL &&
           asprintf(&address->name, "redis+unix://%s?db=%lld", address->path, (long long)address->database) >= 0;
}

static bool parse(struct redis_address *address, struct slice rest)
{
    if (take_prefix(&rest, SLICE("redis+unix://"))) {
        return take_credentials(&rest, address) && read_unix(rest, address);
    }
    address->secure = take_prefix(&rest, SLICE("rediss://"));
    return (address->secure || take_prefix(&rest, SLICE("redis://"))) && take_credentials(&rest, address) &&
           read_tcp(rest, address);
}

bool redis_address_parse(struct redis_address *address, struct slice url, struct buf *problem)
{
    *address = (struct redis_address){ 0 };
    if (!parse(address, url)) {
        redis_address_release(address);
        buf_append_string(problem, FORM);
        return false;
    }
    return true;
}

const struct tls_option_names redis_tls_names = { .url = "dedup.redis_url",
                                                  .plain_scheme = "redis://",
                                                  .ca_file = "dedup.redis_ca_file",
                                                  .certificate = "dedup.redis_client_certificate",
                                                  .key = "dedup.redis_client_key",
                                                  .verify = "dedup.redis_verify" };

bool redis_address_of_options(struct redis_address *address, const struct dedup_options *options, struct buf *problem)
{
    if (!redis_address_parse(address, slice_from_string(options->redis_url), problem)) {
        return false;
    }
    address->tls = (struct tls_files){ .ca_file = options->redis_ca_file,
                                       .certificate = options->redis_client_certificate,
                                       .key = options->redis_client_key,
                                       .accept_any = options->redis_verify == DEDUP_REDIS_VERIFY_NOTHING };
    return true;
}

bool redis_address_check_files(const struct redis_address *address, struct buf *problem)
{
    return tls_files_check(&address->tls, &redis_tls_names, address->secure, problem);
}

void redis_address_release(struct redis_address *address)
{
    free(address->host);
    free(address->path);
    free(address->user);
    free(address->password);
    free(address->name);
    *address = (struct redis_address){ 0 };
}
