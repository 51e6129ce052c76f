/* Turns a configuration into listening sockets and the I/O threads that serve them. */
#include "proto/server/server.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/system/parking.h"
#include "config/options/http_options.h"
#include "config/options/string_list.h"
#include "proto/doorway/doorway.h"
#include "proto/front/front_end.h"
#include "proto/front/hosts.h"
#include "proto/front/listen.h"
#include "proto/front/origins.h"
#include "proto/server/listener.h"
#include "proto/server/server_thread.h"
#include "proto/server/server_tls.h"
#include "proto/server/sockets.h"

#include <stdio.h>
#include <stdlib.h>

/* The thread of operators' listeners has connections and a loop of its own: whatever the others are asked for, it answers.
 */
#define SERVER_THREADS_MAX 64 /* most http.io_threads */
#define ADMIN_KEPT_MAX (UINT64_C(16) << 20)

struct server {
    struct front_end front;
    struct server_shared shared;
    struct server_shared admin_shared;
    struct listener *listeners;
    size_t listener_count;
    struct server_thread **threads;
    size_t thread_count;
    struct server_thread *admin; /* NULL: there is none */
    /* Of each thread that was asked to stand still, the operators' last. */
    struct parking *parkings[SERVER_THREADS_MAX + 1];
    struct parking *payload_parkings[SERVER_THREADS_MAX + 1];
    struct server_tls tls;
};

bool server_keeps_apart(const struct http_listener_options *options)
{
    return (options->serves & (SERVES_ADMIN | SERVES_EVENTS | SERVES_ROUTES)) == SERVES_ADMIN;
}

bool server_check_listeners(const struct http_options *http, struct buf *problems)
{
    return listeners_check(http, problems);
}

bool server_check(const struct http_options *http, struct buf *problems)
{
    struct address_ranges trusted;
    size_t before = problems->len;
    if (address_ranges_init(&trusted, &http->trusted_proxies, "http.trusted_proxies", problems)) {
        address_ranges_release(&trusted);
    } else {
        buf_append_byte(problems, '\n');
    }
    bool origins = origins_check(&http->cors_origins, "http.cors_origins", problems);
    bool hosts = hosts_check(&http->hosts, problems);
    return origins && hosts && problems->len == before;
}

void server_doubts(const struct http_options *http, struct buf *doubts)
{
    listeners_doubts(http, doubts);
}

static bool init_listeners(struct server *server, const struct server_config *config, struct buf *problem)
{
    const struct http_options *http = config->http;
    server->listeners = calloc(http->listener_count + 1, sizeof *server->listeners);
    for (size_t i = 0; server->listeners != NULL && i < http->listener_count; i++) {
        if (!listener_init(&server->listeners[server->listener_count++], &http->listeners[i], config->routes,
                           &plain_transport, problem)) {
            return false;
        }
    }
    if (server->listeners == NULL) {
        buf_append_string(problem, "out of memory");
    }
    return server->listeners != NULL && server_tls_init(&server->tls, server->listeners, server->listener_count,
                                                        config->metrics, config->board, problem);
}

static bool init_shared(struct server *server, const struct server_config *config, struct buf *problem)
{
    struct server_shared *shared = &server->shared;
    shared->options = config->http;
    shared->websocket = config->websocket;
    shared->max_connections = config->max_connections;
    shared->receiving.max = config->max_receiving_bytes;
    shared->replying.max = config->max_replying_bytes;
    metric_set(config->metrics, METRIC_CONNECTIONS_MAX, 0, (double)shared->max_connections);
    metric_set(config->metrics, METRIC_RECEIVING_BYTES_MAX, 0, (double)shared->receiving.max);
    metric_set(config->metrics, METRIC_REPLYING_BYTES_MAX, 0, (double)shared->replying.max);
    shared->pipeline = config->pipeline;
    shared->metrics = config->metrics;
    if (!address_ranges_init(&shared->trusted, &config->http->trusted_proxies, "http.trusted_proxies", problem)) {
        return false;
    }
    if (!gatekeeper_init(&shared->gatekeeper, config->pipeline, config->http, config->websocket)) {
        buf_append_string(problem, "start the server: out of memory");
        return false;
    }
    shared->gatekeeper.access = config->access;
    shared->gatekeeper.rates = config->rates;
    return init_listeners(server, config, problem);
}

/* It borrows all but its bounds from the others. */
static bool make_admin(struct server *server, struct buf *problem)
{
    const struct server_shared *shared = &server->shared;
    struct server_shared *admin = &server->admin_shared;
    admin->options = shared->options;
    admin->websocket = shared->websocket;
    admin->gatekeeper = shared->gatekeeper;
    admin->gatekeeper.limits[GATEKEEPER_CONNECTION] = NULL; /* who watches must always come in */
    admin->gatekeeper.access = NULL;                        /* it is the operators' own address */
    admin->gatekeeper.rates = NULL;
    admin->trusted = shared->trusted;
    admin->pipeline = shared->pipeline;
    admin->metrics = shared->metrics;
    admin->early = true;
    admin->receiving.max = ADMIN_KEPT_MAX;
    admin->replying.max = ADMIN_KEPT_MAX;
    admin->max_connections = SERVER_ADMIN_CONNECTIONS;
    server->admin = server_thread_new(admin, "admin", problem);
    return server->admin != NULL;
}

static bool make_threads(struct server *server, size_t count, struct buf *problem)
{
    ASSERT_AT_MOST(count, (size_t)SERVER_THREADS_MAX);
    server->threads = calloc(count, sizeof *server->threads);
    if (server->threads == NULL) {
        buf_append_string(problem, "start the server: out of memory");
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        char name[16];
        snprintf(name, sizeof name, "io-%u", (unsigned)i);
        struct server_thread *thread = server_thread_new(&server->shared, name, problem);
        if (thread == NULL) {
            return false;
        }
        server->threads[server->thread_count++] = thread;
    }
    return true;
}

/* A socket for each of the threads. */
static bool open_for(struct listener *listener, struct server_thread *const *threads, size_t count, struct buf *problem)
{
    int *fds = calloc(count, sizeof *fds);
    if (fds == NULL) {
        buf_append_string(problem, "start the server: out of memory");
        return false;
    }
    bool ok = listen_open(listener->options->listen, fds, count, problem);
    for (size_t i = 0; ok && i < count; i++) {
        listener->port = listen_port(fds[i]);
        server_thread_listen(threads[i], fds[i], listener);
    }
    free(fds);
    return ok;
}

static bool open_listener(struct server *server, struct listener *listener, struct buf *problem)
{
    if (!server_keeps_apart(listener->options)) {
        return open_for(listener, server->threads, server->thread_count, problem);
    }
    return (server->admin != NULL || make_admin(server, problem)) && open_for(listener, &server->admin, 1, problem);
}

static bool open_all(struct server *server, const struct server_config *config, struct buf *problem)
{
    bool ok = make_threads(server, (size_t)config->http->io_threads, problem);
    for (size_t i = 0; ok && i < server->listener_count; i++) {
        ok = open_listener(server, &server->listeners[i], problem);
    }
    return ok;
}

static int64_t front_turn_ns(const struct front_end *front, int64_t now_ns)
{
    const struct server *server = (const struct server *)front;
    int64_t longest_ns = server->admin == NULL ? 0 : server_thread_turn_ns(server->admin, now_ns);
    for (size_t i = 0; i < server->thread_count; i++) {
        int64_t turn_ns = server_thread_turn_ns(server->threads[i], now_ns);
        longest_ns = turn_ns > longest_ns ? turn_ns : longest_ns;
    }
    return longest_ns;
}

/* Thread `index` of all: those of clients, then that of operators. NULL: there are no more. */
static struct server_thread *thread_at(const struct server *server, size_t index)
{
    return index < server->thread_count ? server->threads[index] : index == server->thread_count ? server->admin : NULL;
}

static bool stand(struct server *server, struct parking *(*park)(struct server_thread *thread),
                  struct parking **parkings, int64_t deadline_ns)
{
    bool all = true;
    struct server_thread *thread;
    for (size_t i = 0; (thread = thread_at(server, i)) != NULL; i++) {
        parkings[i] = park(thread);
    }
    for (size_t i = 0; thread_at(server, i) != NULL; i++) {
        all = parking_await(parkings[i], deadline_ns) && all;
    }
    return all;
}

static void let_go(const struct server *server, struct parking *const *parkings)
{
    for (size_t i = 0; thread_at(server, i) != NULL; i++) {
        parking_let_go(parkings[i]);
    }
}

static void front_resume(struct front_end *front)
{
    const struct server *server = (struct server *)front;
    let_go(server, server->parkings);
    let_go(server, server->payload_parkings);
}

static bool front_pause(struct front_end *front, int64_t deadline_ns, int64_t *since_ns)
{
    struct server *server = (struct server *)front;
    bool payloads = stand(server, server_thread_park_payloads, server->payload_parkings, deadline_ns);
    if (!payloads) {
        let_go(server, server->payload_parkings);
        return false;
    }
    *since_ns = clock_monotonic_ns();
    bool all = stand(server, server_thread_park, server->parkings, deadline_ns);
    if (!all) {
        front_resume(front);
    }
    return all;
}

void server_refresh(struct server *server, struct address_ranges *trusted, const struct access *access,
                    struct limits *rates)
{
    struct address_ranges old = server->shared.trusted;
    server->shared.trusted = *trusted;
    server->admin_shared.trusted = *trusted;
    *trusted = old;
    server->shared.gatekeeper.access = access; /* operators need none, nor are they limited */
    server->shared.gatekeeper.rates = rates;
    gatekeeper_refresh(&server->shared.gatekeeper, server->shared.options, server->shared.websocket);
    struct server_thread *thread;
    for (size_t i = 0; (thread = thread_at(server, i)) != NULL; i++) {
        server_thread_refresh(thread);
    }
}

/* The operators' pages are there to the end. */
static void front_close(struct front_end *front)
{
    struct server *server = (struct server *)front;
    for (size_t i = 0; i < server->thread_count; i++) {
        server_thread_close(server->threads[i]);
    }
}

static void front_stop(struct front_end *front, int64_t deadline_ns)
{
    struct server *server = (struct server *)front;
    for (size_t i = 0; i < server->thread_count; i++) {
        server_thread_stop(server->threads[i], deadline_ns);
    }
    if (server->admin != NULL) {
        server_thread_stop(server->admin, deadline_ns);
    }
}

static void front_free(struct front_end *front)
{
    struct server *server = (struct server *)front;
    for (size_t i = 0; i < server->thread_count; i++) {
        server_thread_free(server->threads[i]);
    }
    server_thread_free(server->admin);
    free(server->threads);
    server_tls_release(&server->tls);
    for (size_t i = 0; i < server->listener_count; i++) {
        listener_release(&server->listeners[i]);
    }
    free(server->listeners);
    address_ranges_release(&server->shared.trusted);
    gatekeeper_release(&server->shared.gatekeeper);
    free(server);
}

static const struct front_end_ops ops = { .threads = "an I/O thread",
                                          .turn_ns = front_turn_ns,
                                          .pause = front_pause,
                                          .resume = front_resume,
                                          .close = front_close,
                                          .stop = front_stop,
                                          .free = front_free };

/* Loopback is believed by default: whoever puts a bare proxy there should know what its clients can do. */
static void tell_trusted(const struct string_list *trusted)
{
    struct buf list = { 0 };
    for (size_t i = 0; i < trusted->count; i++) {
        buf_printf(&list, "%s%s", i == 0 ? "" : ",", trusted->items[i]);
    }
    if (trusted->count != 0 && buf_c_string(&list) != NULL) {
        LOG(LOG_INFO, "X-Forwarded-For is believed",
            "from=%s a proxy at such an address must set the field itself, or its clients choose theirs: "
            "docs/proxies.md",
            list.data);
    }
    buf_release(&list);
}

static bool start_threads(struct server *server, struct buf *problem)
{
    bool ok = server->admin == NULL || server_thread_start(server->admin) == OK;
    for (size_t i = 0; ok && i < server->thread_count; i++) {
        ok = server_thread_start(server->threads[i]) == OK;
    }
    if (!ok) {
        buf_append_string(problem, "start the I/O threads: the system refuses more threads");
    }
    return ok;
}

struct server *server_start(const struct server_config *config, struct buf *problem)
{
    struct server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        buf_append_string(problem, "start the server: out of memory");
        return NULL;
    }
    server->front.ops = &ops;
    bool ok =
        init_shared(server, config, problem) && open_all(server, config, problem) && start_threads(server, problem);
    if (!ok) {
        front_stop(&server->front, 0);
        front_free(&server->front);
        return NULL;
    }
    tell_trusted(&config->http->trusted_proxies);
    return server;
}

const char *server_address(const struct server *server, unsigned serves, int *port, bool *secure)
{
    for (size_t i = 0; i < server->listener_count; i++) {
        const struct listener *listener = &server->listeners[i];
        if ((listener->options->serves & serves) != 0 && !doorway_leads_away(listener->options)) {
            *port = listener->port;
            *secure = listener->tls != NULL;
            return listener->options->listen;
        }
    }
    return NULL;
}

void server_addresses(const struct server *server, struct buf *out)
{
    for (size_t i = 0; i < server->listener_count; i++) {
        buf_append_string(out, i == 0 ? "" : ",");
        listener_describe(&server->listeners[i], out);
    }
}

void server_tick(struct server *server)
{
    server_tls_tick(&server->tls);
}

struct server_tls *server_tls_of(struct server *server)
{
    return &server->tls;
}

struct front_end *server_front(struct server *server)
{
    return &server->front;
}
