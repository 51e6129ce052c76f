/* Turns a configuration and what was made of it into the words at start. */
#include "start_line.h"

#include "base/log.h"
#include "base/version.h"
#include "config/config.h"
#include "config/yaml/environment.h"
#include "gateway.h"
#include "openness.h"
#include "pipeline/dedup/redis_address.h"

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
    openness_tell(&config->http, &config->udp, config->key_count != 0, config->live.enabled);
}

static void print_event(const char *events_url, const char *pages_url, bool with_key)
{
    const char *key = with_key ? " -H 'Authorization: Bearer KEY'" : "";
    char now[32];
    time_t seconds = time(NULL);
    struct tm utc;
    strftime(now, sizeof now, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &utc));
    printf("Store an event (the same one again is a duplicate)%s:\n\n"
           "  curl -s%s '%s/events?wait=stored' -d '{\"event_name\": \"purchase\", \"channel\": \"web\", "
           "\"user_id\": \"user123\", \"timestamp\": \"%s\"}'\n",
           pages_url != NULL ? ", then count it" : "", key, events_url, now);
    if (pages_url != NULL) {
        printf("  curl -s%s '%s/events/metrics?event_name=purchase'\n", key, pages_url);
    }
    printf("\n");
}

void start_line_example(const struct config *config, const struct gateway *gateway)
{
    struct buf events = { 0 }, pages = { 0 }, admin = { 0 };
    bool with_pages = append_url(gateway, SERVES_PAGES, &pages);
    printf("\nSluice serves.");
    if (with_pages) {
        printf(" In a browser: %s%s.", buf_c_string(&pages), config->http.demo ? "/demo" : "/");
    }
    if (config->live.enabled && append_url(gateway, SERVES_ADMIN, &admin)) {
        printf(" What flows now: %s/live.", buf_c_string(&admin));
    }
    printf(" Ctrl-C ends it.\n");
    if (append_url(gateway, SERVES_EVENTS, &events) && strcmp(config->streams[0].name, "events") == 0) {
        print_event(buf_c_string(&events), with_pages && config->query.event_metrics ? buf_c_string(&pages) : NULL,
                    config->key_count != 0);
    }
    fflush(stdout);
    buf_release(&events);
    buf_release(&pages);
    buf_release(&admin);
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

void start_line_doubts(const struct config *config)
{
    struct buf doubts = { 0 };
    start_line_variables(config);
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
