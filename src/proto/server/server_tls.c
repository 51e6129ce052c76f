/* Turns the options of listeners into acceptors, and the time into looks at their files. */
#include "proto/server/server_tls.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/metrics/metrics.h"
#include "config/options/http_options.h"
#include "proto/server/listener.h"
#include "proto/server/sockets.h"
#include "proto/tls/ticket_keys.h"
#include "proto/tls/tls_acceptor.h"
#include "proto/tls/tls_context.h"

#include <stdlib.h>

static bool any_is_on(const struct listener *listeners, size_t count)
{
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        any = any || tls_is_on(&listeners[i].options->tls);
    }
    return any;
}

static void show(struct server_tls *tls);

bool server_tls_init(struct server_tls *tls, struct listener *listeners, size_t count, struct metrics *metrics,
                     struct status_board *board, struct buf *problem)
{
    *tls = (struct server_tls){ .listeners = listeners, .count = count, .metrics = metrics };
    if (!any_is_on(listeners, count)) {
        return true;
    }
    tls->tickets = ticket_keys_new(clock_monotonic_ns());
    tls->cells = metrics_thread(metrics);
    if (tls->tickets == NULL || tls->cells == NULL) {
        buf_append_string(problem, "start TLS: out of memory");
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        struct listener *listener = &listeners[i];
        const struct tls_acceptor_config config = {
            .options = &listener->options->tls,
            .listener = listener->options->listen,
            .tickets = tls->tickets,
            .board = board,
        };
        if (!tls_is_on(config.options)) {
            continue;
        }
        listener->transport = &tls_transport;
        listener->tls = tls_acceptor_new(&config, problem);
        if (listener->tls == NULL) {
            return false;
        }
    }
    show(tls);
    return true;
}

void server_tls_release(struct server_tls *tls)
{
    for (size_t i = 0; i < tls->count; i++) {
        tls_acceptor_free(tls->listeners[i].tls);
        tls->listeners[i].tls = NULL;
    }
    ticket_keys_free(tls->tickets);
    tls->tickets = NULL;
}

/* Showing. */

struct shown {
    struct server_tls *tls;
    size_t next;
};

static void show_one(void *context, const char *listener, struct slice name, int64_t not_after_ns)
{
    struct shown *shown = context;
    int64_t seconds = not_after_ns / NS_PER_SECOND;
    const struct metric_label labels[] = { { "listener", slice_from_string(listener) }, { "name", name } };
    metric_set_labelled(shown->tls->metrics, METRIC_TLS_CERTIFICATE_EXPIRY, shown->next++, labels, ARRAY_LENGTH(labels),
                        (double)seconds);
}

/* Those that are no more are not shown any more. */
static void show(struct server_tls *tls)
{
    struct shown shown = { .tls = tls };
    for (size_t i = 0; i < tls->count; i++) {
        if (tls->listeners[i].tls != NULL) {
            tls_acceptor_list(tls->listeners[i].tls, show_one, &shown);
        }
    }
    metric_end_labelled(tls->metrics, METRIC_TLS_CERTIFICATE_EXPIRY, shown.next);
}

void server_tls_tick(struct server_tls *tls)
{
    if (tls->tickets == NULL) {
        return;
    }
    ticket_keys_turn(tls->tickets, clock_monotonic_ns());
    bool changed = false;
    for (size_t i = 0; i < tls->count; i++) {
        enum tls_look look =
            tls->listeners[i].tls == NULL ? TLS_LOOK_SAME : tls_acceptor_look(tls->listeners[i].tls, clock_wall_ns());
        changed = changed || look == TLS_LOOK_CHANGED;
        metric_add(tls->cells, METRIC_TLS_READS_FAILED, look == TLS_LOOK_FAILED);
    }
    if (changed) {
        show(tls);
    }
}

/* Reload. */

/* That of the same place, or of the same address. */
static const struct http_listener_options *find_fresh(const struct server_tls *tls, size_t index,
                                                      const struct http_options *fresh)
{
    const struct listener *listener = &tls->listeners[index];
    if (index < fresh->listener_count && strcmp(fresh->listeners[index].listen, listener->options->listen) == 0) {
        return &fresh->listeners[index];
    }
    for (size_t i = 0; i < fresh->listener_count; i++) {
        if (strcmp(fresh->listeners[i].listen, listener->options->listen) == 0) {
            return &fresh->listeners[i];
        }
    }
    return NULL;
}

static bool prepare_one(const struct server_tls *tls, size_t index, const struct http_options *fresh,
                        struct tls_context **prepared, struct buf *problem)
{
    const struct listener *listener = &tls->listeners[index];
    const struct http_listener_options *options = find_fresh(tls, index, fresh);
    if (options == NULL) {
        return true; /* a listener that goes needs a restart; until then it serves as it does */
    }
    if (tls_is_on(&options->tls) != (listener->tls != NULL)) {
        buf_printf(problem, "%s: tls begins or ends by a restart", listener->options->listen);
        return false;
    }
    if (listener->tls != NULL) {
        *prepared = tls_acceptor_prepare(listener->tls, &options->tls, problem);
    }
    return listener->tls == NULL || *prepared != NULL;
}

struct tls_context **server_tls_prepare(const struct server_tls *tls, const struct http_options *fresh,
                                        struct buf *problem)
{
    struct tls_context **prepared = calloc(tls->count + 1, sizeof *prepared);
    if (prepared == NULL) {
        buf_append_string(problem, "out of memory");
        return NULL;
    }
    for (size_t i = 0; i < tls->count; i++) {
        if (!prepare_one(tls, i, fresh, &prepared[i], problem)) {
            server_tls_discard(tls, prepared);
            return NULL;
        }
    }
    return prepared;
}

void server_tls_reload(struct server_tls *tls, const struct http_options *fresh, struct tls_context **prepared)
{
    for (size_t i = 0; i < tls->count; i++) {
        const struct http_listener_options *options = find_fresh(tls, i, fresh);
        if (prepared[i] != NULL) {
            ASSERT(options != NULL && tls->listeners[i].tls != NULL);
            tls_acceptor_reload(tls->listeners[i].tls, &options->tls, prepared[i]);
        }
    }
    free(prepared);
    if (tls->tickets != NULL) {
        show(tls);
    }
}

void server_tls_discard(const struct server_tls *tls, struct tls_context **prepared)
{
    for (size_t i = 0; prepared != NULL && i < tls->count; i++) {
        tls_context_let_go(prepared[i]);
    }
    free(prepared);
}
