/* Turns a configuration into listening sockets and the I/O threads that serve them. */
#include "base/log.h"
#include "proto/front/hosts.h"
#include "proto/front/listen.h"
#include "proto/front/origins.h"
#include "proto/http/connection_limits.h"
#include "proto/server/server_thread.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* The thread of admin.listen has connections, routes and a loop of its own: whatever the others are asked for, it answers.
 */
#define ADMIN_KEPT_MAX (UINT64_C(16) << 20)

struct server {
    struct front_end front;
    struct server_shared shared;
    struct server_shared admin_shared;
    struct server_thread **threads;
    size_t thread_count;
    struct server_thread *admin; /* NULL: there is none */
    int port;
};

static bool has_admin(const struct admin_options *admin)
{
    return admin->listen != NULL && admin->listen[0] != '\0';
}

/* Two such listeners get a port each. */
static bool takes_any_port(const char *address)
{
    const char *port = strrchr(address, ':');
    return port != NULL && strcmp(port, ":0") == 0;
}

bool server_check(const struct http_options *http, const struct admin_options *admin, struct buf *problems)
{
    struct address_ranges trusted;
    size_t before = problems->len;
    if (!listen_check(http->listen, problems)) {
        buf_append_byte(problems, '\n');
    }
    if (has_admin(admin) && !listen_check(admin->listen, problems)) {
        buf_append_byte(problems, '\n');
    }
    if (has_admin(admin) && strcmp(admin->listen, http->listen) == 0 && !takes_any_port(http->listen)) {
        buf_printf(problems, "admin.listen: %s is that of http.listen already; give another, or leave it empty\n",
                   admin->listen);
    }
    if (address_ranges_init(&trusted, &http->trusted_proxies, problems)) {
        address_ranges_release(&trusted);
    } else {
        buf_append_byte(problems, '\n');
    }
    bool origins = origins_check(&http->cors_origins, problems);
    bool hosts = hosts_check(&http->hosts, problems);
    return origins && hosts && problems->len == before;
}

static bool init_shared(struct server *server, const struct server_config *config, struct buf *problem)
{
    struct server_shared *shared = &server->shared;
    bool apart = has_admin(config->admin);
    shared->options = config->http;
    shared->websocket = config->websocket;
    shared->max_connections = config->max_connections;
    shared->receiving.max = config->max_receiving_bytes;
    shared->replying.max = config->max_replying_bytes;
    metric_set(config->metrics, METRIC_RECEIVING_LIMIT, 0, (double)shared->receiving.max);
    metric_set(config->metrics, METRIC_REPLYING_LIMIT, 0, (double)shared->replying.max);
    shared->pipeline = config->pipeline;
    shared->metrics = config->metrics;
    if (!address_ranges_init(&shared->trusted, &config->http->trusted_proxies, problem)) {
        return false;
    }
    shared->websocket_limits =
        connection_limits_new(config->websocket->max_connections, config->websocket->max_per_address);
    shared->per_address = connection_limits_new(INT64_MAX, config->http->max_per_address);
    if (shared->websocket_limits == NULL || shared->per_address == NULL ||
        !http_routes_init(&shared->routes, config->pages, config->page_count, apart ? SIDE_PUBLIC : SIDE_ALL) ||
        !http_routes_init(&server->admin_shared.routes, config->pages, config->page_count, SIDE_ADMIN)) {
        buf_append_string(problem, "start the server: out of memory");
        return false;
    }
    return true;
}

/* It borrows all but its routes from the others. */
static bool make_admin(struct server *server, int fd, struct buf *problem)
{
    const struct server_shared *shared = &server->shared;
    struct server_shared *admin = &server->admin_shared;
    admin->options = shared->options;
    admin->websocket = shared->websocket;
    admin->websocket_limits = shared->websocket_limits;
    admin->trusted = shared->trusted;
    admin->pipeline = shared->pipeline;
    admin->metrics = shared->metrics;
    admin->early = true;
    admin->receiving.max = ADMIN_KEPT_MAX;
    admin->replying.max = ADMIN_KEPT_MAX;
    admin->max_connections = SERVER_ADMIN_CONNECTIONS;
    server->admin = server_thread_new(admin, "admin", fd, problem);
    return server->admin != NULL;
}

/* Hands each socket to a thread; on failure those not yet handed over are closed. */
static bool make_threads(struct server *server, const int *fds, size_t count, struct buf *problem)
{
    for (size_t i = 0; i < count; i++) {
        char name[16];
        snprintf(name, sizeof name, "io-%u", (unsigned)i);
        struct server_thread *thread = server_thread_new(&server->shared, name, fds[i], problem);
        if (thread == NULL) {
            while (++i < count) {
                close(fds[i]);
            }
            return false;
        }
        server->threads[server->thread_count++] = thread;
    }
    return true;
}

static bool open_admin(struct server *server, const struct admin_options *options, struct buf *problem)
{
    int fd;
    return !has_admin(options) || (listen_open(options->listen, &fd, 1, problem) && make_admin(server, fd, problem));
}

static bool open_threads(struct server *server, const struct server_config *config, struct buf *problem)
{
    size_t count = (size_t)config->http->io_threads;
    int *fds = calloc(count, sizeof *fds);
    server->threads = calloc(count, sizeof *server->threads);
    if (fds == NULL || server->threads == NULL) {
        buf_append_string(problem, "start the server: out of memory");
        free(fds);
        return false;
    }
    bool ok = listen_open(config->http->listen, fds, count, problem);
    if (ok) {
        server->port = listen_port(fds[0]);
        ok = make_threads(server, fds, count, problem);
    }
    free(fds);
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
    http_routes_release(&server->shared.routes);
    http_routes_release(&server->admin_shared.routes);
    address_ranges_release(&server->shared.trusted);
    connection_limits_free(server->shared.websocket_limits);
    connection_limits_free(server->shared.per_address);
    free(server);
}

static const struct front_end_ops ops = {
    .threads = "an I/O thread", .turn_ns = front_turn_ns, .close = front_close, .stop = front_stop, .free = front_free
};

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
    bool ok = init_shared(server, config, problem) && open_admin(server, config->admin, problem) &&
              open_threads(server, config, problem) && start_threads(server, problem);
    if (!ok) {
        front_stop(&server->front, 0);
        front_free(&server->front);
        return NULL;
    }
    tell_trusted(&config->http->trusted_proxies);
    return server;
}

int server_port(const struct server *server)
{
    return server->port;
}

struct front_end *server_front(struct server *server)
{
    return &server->front;
}
