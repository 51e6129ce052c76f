/* Turns a configuration and what was made of it into the words at start. */
#include "start_line.h"

#include "base/log.h"
#include "base/version.h"
#include "config/config.h"
#include "config/environment.h"
#include "gateway.h"
#include "pipeline/dedup/redis_address.h"
#include "proto/front/listen.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* Where a browser on this machine reaches what serves this. False: nothing does. */
static bool append_url(const struct gateway *gateway, unsigned serves, struct buf *out)
{
    int port;
    bool secure;
    const char *address = gateway_address(gateway, serves, &port, &secure);
    if (address == NULL) {
        return false;
    }
    struct slice listen = slice_from_string(address);
    const char *colon = memrchr(listen.data, ':', listen.len);
    struct slice host = slice_make(listen.data, colon != NULL ? (size_t)(colon - (const char *)listen.data) : 0);
    if (host.len == 0 || slice_equal(host, SLICE("0.0.0.0")) || slice_equal(host, SLICE("*"))) {
        host = SLICE("localhost");
    } else if (slice_equal(host, SLICE("[::]"))) {
        host = SLICE("[::1]");
    }
    buf_printf(out, "%s://%.*s:%d", secure ? "https" : "http", (int)host.len, (const char *)host.data, port);
    return true;
}

static void append_dedup(const struct dedup_options *dedup, struct buf *out)
{
    static const char *const kinds[] = { [DEDUP_MEMORY] = "memory", [DEDUP_REDIS] = "redis", [DEDUP_NONE] = "none" };
    struct redis_address address;
    struct buf problem = { 0 };
    buf_printf(out, " dedup=%s", kinds[dedup->kind]);
    if (dedup->kind == DEDUP_REDIS && redis_address_parse(&address, slice_from_string(dedup->redis_url), &problem)) {
        buf_printf(out, "(%s)", address.name);
        redis_address_release(&address);
    }
    buf_release(&problem);
}

static void append_durability(enum durability durability, struct buf *out)
{
    static const char *const names[] = {
        [DURABILITY_FSYNC] = "fsync", [DURABILITY_OS] = "os", [DURABILITY_MEMORY] = "memory"
    };
    buf_printf(out, " durability=%s", names[durability]);
}

void start_line_log(const struct config *config, const struct gateway *gateway)
{
    struct buf line = { 0 };
    int port = 0;
    bool secure;
    gateway_address(gateway, SERVES_EVENTS | SERVES_ROUTES, &port, &secure);
    buf_printf(&line, "version=%s ", SLUICE_VERSION);
    size_t before = line.len;
    buf_append_string(&line, "url=");
    if (append_url(gateway, SERVES_PAGES, &line)) {
        buf_append_string(&line, config->http.demo ? "/demo " : "/ ");
    } else {
        line.len = before;
    }
    buf_append_string(&line, "listen=");
    gateway_http_addresses(gateway, &line);
    buf_printf(&line, " port=%d udp=", port);
    gateway_udp_addresses(gateway, &line);
    buf_append_string(&line, " store=");
    gateway_store_names(gateway, &line);
    append_dedup(&config->dedup, &line);
    append_durability(config->journal.durability, &line);
    buf_printf(&line, " data=%s", gateway_data_folder(gateway));
    LOG(LOG_INFO, "serving", "%s", buf_c_string(&line));
    buf_release(&line);
}

/* What strangers may do, and where. */
struct openness {
    struct buf addresses;
    unsigned serves; /* of enum http_serves */
};

static void add_open(struct openness *openness, const char *door, const char *listen, unsigned serves)
{
    if (!listen_is_loopback(listen)) {
        buf_printf(&openness->addresses, "%s%s %s", openness->addresses.len == 0 ? "" : ", ", door, listen);
        openness->serves |= serves;
    }
}

/* Operators' own listeners ask for no key; one that leads to https serves nothing. */
static bool is_open(const struct config *config, const struct http_listener_options *listener)
{
    bool of_operators = (listener->serves & (SERVES_ADMIN | SERVES_EVENTS)) == SERVES_ADMIN;
    bool leads_away = listener->redirect_https != NULL && strcmp(listener->redirect_https, "false") != 0;
    return !leads_away && (config->key_count == 0 || of_operators);
}

static void add_open_listeners(struct openness *openness, const struct config *config)
{
    for (size_t i = 0; i < config->http.listener_count; i++) {
        const struct http_listener_options *listener = &config->http.listeners[i];
        if (is_open(config, listener)) {
            add_open(openness, "http", listener->listen, listener->serves);
        }
    }
    for (size_t i = 0; i < config->udp.listener_count; i++) {
        const struct udp_listener_options *listener = &config->udp.listeners[i];
        if (strcmp(listener->listen, "off") != 0 && listener->allow.count == 0 && listener->hmac.count == 0) {
            add_open(openness, "udp", listener->listen, SERVES_EVENTS);
        }
    }
}

static void append_rights(unsigned serves, struct buf *out)
{
    static const struct {
        unsigned serves;
        const char *right;
    } rights[] = {
        { SERVES_EVENTS | SERVES_ROUTES, "write events" },
        { SERVES_PAGES, "read counts and queries" },
        { SERVES_ADMIN, "read metrics and states" },
    };
    bool any = false;
    for (size_t i = 0; i < ARRAY_LENGTH(rights); i++) {
        if ((rights[i].serves & serves) != 0) {
            buf_printf(out, "%s%s", any ? ", " : "", rights[i].right);
            any = true;
        }
    }
}

void start_line_open(const struct config *config)
{
    struct openness openness = { 0 };
    struct buf rights = { 0 };
    add_open_listeners(&openness, config);
    append_rights(openness.serves, &rights);
    if (openness.addresses.len != 0) {
        LOG(LOG_WARN, "open to all",
            "anybody who reaches %s may: %s. Say who may by `keys` (UDP: `allow`, `hmac`), use `tls`, or listen on "
            "127.0.0.1: docs/security.md",
            buf_c_string(&openness.addresses), buf_c_string(&rights));
    }
    buf_release(&openness.addresses);
    buf_release(&rights);
}

static void print_event(const char *events_url, const char *pages_url)
{
    char now[32];
    time_t seconds = time(NULL);
    struct tm utc;
    strftime(now, sizeof now, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &utc));
    printf("Store an event (the same one again is a duplicate)%s:\n\n"
           "  curl -s '%s/events?wait=stored' -d '{\"event_name\": \"purchase\", \"channel\": \"web\", "
           "\"user_id\": \"user123\", \"timestamp\": \"%s\"}'\n",
           pages_url != NULL ? ", then count it" : "", events_url, now);
    if (pages_url != NULL) {
        printf("  curl -s '%s/events/metrics?event_name=purchase'\n", pages_url);
    }
    printf("\n");
}

void start_line_example(const struct config *config, const struct gateway *gateway)
{
    struct buf events = { 0 }, pages = { 0 };
    bool with_pages = append_url(gateway, SERVES_PAGES, &pages);
    printf("\nSluice serves.");
    if (with_pages) {
        printf(" In a browser: %s%s.", buf_c_string(&pages), config->http.demo ? "/demo" : "/");
    }
    printf(" Ctrl-C ends it.\n");
    if (append_url(gateway, SERVES_EVENTS, &events) && strcmp(config->streams[0].name, "events") == 0) {
        print_event(buf_c_string(&events), with_pages && config->query.event_metrics ? buf_c_string(&pages) : NULL);
    }
    fflush(stdout);
    buf_release(&events);
    buf_release(&pages);
}

void start_line_doubts(const struct config *config)
{
    struct buf doubts = { 0 };
    gateway_doubts(config, &doubts);
    struct slice rest = buf_slice(&doubts);
    struct slice line;
    while (slice_split(&rest, '\n', &line)) {
        if (line.len != 0) {
            LOG(LOG_WARN, "doubtful", "%.*s", (int)line.len, (const char *)line.data);
        }
    }
    buf_release(&doubts);
}

void start_line_variables(const struct config *config)
{
    struct buf lines = { 0 };
    environment_unknown(environ, slice_from_string(config->text), &lines);
    struct slice rest = buf_slice(&lines);
    struct slice line;
    while (slice_split(&rest, '\n', &line)) {
        if (line.len != 0) {
            LOG(LOG_WARN, "unknown variable", "%.*s", (int)line.len, (const char *)line.data);
        }
    }
    buf_release(&lines);
}
