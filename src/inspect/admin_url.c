/* Turns listeners into the URL of the pages of operators. */
#include "inspect/admin_url.h"

#include "base/assert.h"
#include "config/options/http_options.h"
#include "proto/front/listen.h"

#include <string.h>

static bool speaks_tls(const struct http_listener_options *listener)
{
    return listener->tls.certificate != NULL || listener->tls.certificate_count != 0;
}

/* To https: nothing else is served there (proto/doorway). */
static bool leads_away(const struct http_listener_options *listener)
{
    return listener->redirect_https != NULL && strcmp(listener->redirect_https, "false") != 0;
}

/* The lower, the better; -1: it does not serve them. */
static int rank(const struct http_listener_options *listener)
{
    if ((listener->serves & SERVES_ADMIN) == 0 || leads_away(listener)) {
        return -1;
    }
    return ((listener->serves & SERVES_EVENTS) != 0 ? 2 : 0) + (speaks_tls(listener) ? 1 : 0);
}

static const struct http_listener_options *best(const struct http_options *http)
{
    const struct http_listener_options *found = NULL;
    for (size_t i = 0; i < http->listener_count; i++) {
        const struct http_listener_options *listener = &http->listeners[i];
        if (rank(listener) >= 0 && (found == NULL || rank(listener) < rank(found))) {
            found = listener;
        }
    }
    return found;
}

/* The host by which this machine reaches who listens on `host`. */
static const char *reached_by(const char *host)
{
    static const struct {
        const char *all;
        const char *own;
    } loopbacks[] = { { "", "127.0.0.1" }, { "0.0.0.0", "127.0.0.1" }, { "::", "::1" } };
    for (size_t i = 0; i < ARRAY_LENGTH(loopbacks); i++) {
        if (strcmp(host, loopbacks[i].all) == 0) {
            return loopbacks[i].own;
        }
    }
    return host;
}

bool admin_url_find(const struct http_options *http, struct buf *url, bool *secure, struct buf *problem)
{
    char host[LISTEN_HOST_MAX];
    uint16_t port;
    const struct http_listener_options *listener = best(http);
    if (listener == NULL) {
        buf_append_string(problem,
                          "no address of the configuration serves `admin`: give one (admin.listen), or name the "
                          "gateway's with --url");
        return false;
    }
    bool read = listen_read(listener->listen, host, &port);
    if (!read || port == 0) {
        buf_printf(problem, "%s is \"%s\": its port is not known before the gateway starts; name it with --url",
                   listener->option, listener->listen);
        return false;
    }
    const char *own = reached_by(host);
    bool brackets = strchr(own, ':') != NULL;
    *secure = speaks_tls(listener);
    ASSERT(own[0] != '\0');
    buf_printf(url, "http%s://%s%s%s:%u", *secure ? "s" : "", brackets ? "[" : "", own, brackets ? "]" : "",
               (unsigned)port);
    return true;
}
