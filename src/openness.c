/* Turns the addresses of a configuration into who may do what there. */
#include "openness.h"

#include "base/bytes.h"
#include "base/log.h"
#include "config/options/http_options.h"
#include "config/options/udp_options.h"
#include "proto/doorway/doorway.h"
#include "proto/front/listen.h"

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
static bool is_open(const struct http_listener_options *listener, bool keys)
{
    bool of_operators = (listener->serves & (SERVES_ADMIN | SERVES_EVENTS)) == SERVES_ADMIN;
    bool knows_them = listener->tls.client_ca != NULL && listener->tls.client_certificate == TLS_CLIENT_REQUIRED;
    return !doorway_leads_away(listener) && !knows_them && (!keys || of_operators);
}

static void add_listeners(struct openness *openness, const struct http_options *http, bool keys)
{
    for (size_t i = 0; i < http->listener_count; i++) {
        const struct http_listener_options *listener = &http->listeners[i];
        if (is_open(listener, keys)) {
            add_open(openness, "http", listener->listen, listener->serves);
        }
    }
}

static void add_udp_listeners(struct openness *openness, const struct udp_options *udp)
{
    for (size_t i = 0; i < udp->listener_count; i++) {
        const struct udp_listener_options *listener = &udp->listeners[i];
        if (strcmp(listener->listen, "off") != 0 && listener->allow.count == 0 && listener->hmac.count == 0) {
            add_open(openness, "udp", listener->listen, SERVES_EVENTS);
        }
    }
}

static void append_rights(unsigned serves, bool live, struct buf *out)
{
    const struct {
        unsigned serves;
        const char *right;
    } rights[] = {
        { SERVES_EVENTS | SERVES_ROUTES, "write events" },
        { SERVES_PAGES, "read counts and queries" },
        { SERVES_ADMIN, live ? "read metrics and states, watch events (/live)" : "read metrics and states" },
    };
    bool any = false;
    for (size_t i = 0; i < ARRAY_LENGTH(rights); i++) {
        if ((rights[i].serves & serves) != 0) {
            buf_printf(out, "%s%s", any ? ", " : "", rights[i].right);
            any = true;
        }
    }
}

void openness_tell(const struct http_options *http, const struct udp_options *udp, bool keys, bool live)
{
    struct openness openness = { 0 };
    struct buf rights = { 0 };
    add_listeners(&openness, http, keys);
    add_udp_listeners(&openness, udp);
    append_rights(openness.serves, live, &rights);
    if (openness.addresses.len != 0) {
        LOG(LOG_WARN, "open to all",
            "anybody who reaches %s may: %s. Say who may by `keys` (UDP: `allow`, `hmac`) or `tls.client_ca`, or "
            "listen on 127.0.0.1: docs/security.md",
            buf_c_string(&openness.addresses), buf_c_string(&rights));
    }
    buf_release(&openness.addresses);
    buf_release(&rights);
}
