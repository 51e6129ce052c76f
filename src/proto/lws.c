/* Turns sockets into sessions' bytes and back: libwebsockets' raw role on a libev loop, one per I/O thread. */
#include "proto/lws.h"

#include "base/log.h"
#include "base/thread.h"
#include "proto/accept.h"
#include "proto/connections.h"
#include "proto/inbox.h"

#include <ev.h>
#include <fcntl.h>
#include <libwebsockets.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define PROTOCOL_NAME "http"
#define READ_SIZE (64 << 10)
#define ACCEPTS_AT_ONCE 64
#define STOPPING_TICK 0.02
#define ORPHANS_A_SECOND 16

struct listener {
    ev_io io;
    int fd; /* -1: closed */
    const struct http_routes *routes;
};

struct server_thread {
    struct server_shared *shared;
    struct thread thread;
    unsigned number;
    struct ev_loop *loop;
    struct lws_context *context;
    struct lws_vhost *vhost;
    ev_prepare prepare;
    ev_check check;
    ev_timer timer;
    struct listener listeners[2]; /* events, admin */
    struct http_front front;
    struct connections connections;
    unsigned orphans; /* since the last tick */
    bool stopping;
    int64_t stop_deadline_ns;
    struct inbox inbox;
};

/* Waking. */

static void ring(void *opaque)
{
    struct server_thread *thread = opaque;
    lws_cancel_service(thread->context);
}

static void wake(void *opaque)
{
    struct server_thread *thread = opaque;
    inbox_wake(&thread->inbox);
}

void page_post(struct page_later later, struct page_reply *reply)
{
    inbox_post(&later.thread->inbox, later.token, reply);
}

/* Completions, as the pipeline hands them over. */

static void on_complete(void *opaque, const struct ticket *ticket)
{
    struct server_thread *thread = opaque;
    connections_complete(&thread->connections, ticket);
}

static void on_stored(void *opaque, struct token token)
{
    struct server_thread *thread = opaque;
    connections_stored(&thread->connections, token);
}

static void deliver_pages(struct server_thread *thread, struct posted_page *pages)
{
    for (struct posted_page *page = pages; page != NULL; page = page->next) {
        connections_page(&thread->connections, page->token, &page->reply);
    }
    inbox_free_pages(pages);
}

/* Connections: what http_session asks for. */

static enum transport_result transport_write(void *opaque, struct slice bytes)
{
    struct connection *connection = opaque;
    if (connection->wsi == NULL) {
        return connection_send(connection, bytes);
    }
    unsigned char *from = (unsigned char *)(uintptr_t)bytes.data;
    if (lws_write(connection->wsi, from, bytes.len, LWS_WRITE_RAW) < (int)bytes.len) {
        return TRANSPORT_FAILED;
    }
    if (lws_partial_buffered(connection->wsi)) {
        lws_callback_on_writable(connection->wsi);
        return TRANSPORT_BLOCKED;
    }
    return TRANSPORT_SENT;
}

static void transport_set_reading(void *opaque, bool on)
{
    struct connection *connection = opaque;
    if (connection->wsi != NULL) {
        lws_rx_flow_control(connection->wsi, on ? 1 : 0);
    }
}

static void transport_close(void *opaque)
{
    struct connection *connection = opaque;
    connection->closing = true;
    connections_list(&connection->thread->connections, connection);
}

static void transport_finish(void *opaque)
{
    struct connection *connection = opaque;
    if (connection->wsi == NULL) {
        transport_close(connection);
        return;
    }
    shutdown(lws_get_socket_fd(connection->wsi), SHUT_WR);
}

static void transport_want_flush(void *opaque)
{
    struct connection *connection = opaque;
    connections_list(&connection->thread->connections, connection);
}

static const struct http_transport transport = {
    .write = transport_write,
    .set_reading = transport_set_reading,
    .finish = transport_finish,
    .close = transport_close,
    .want_flush = transport_want_flush,
};

static void forget(struct server_thread *thread, struct connection *connection)
{
    http_session_close(&connection->session);
    if (connection->orphan_fd >= 0) {
        close(connection->orphan_fd);
    }
    connections_give(&thread->connections, &thread->shared->connections, connection);
    metric_add(thread->front.intake.cells, METRIC_CONNECTIONS, -1);
}

/* libwebsockets closes as soon as the client has sent its FIN. Answers that are still owed then go out on a duplicate
 * of the socket. That makes libev set up its epoll anew (the kernel still knows the closed number), hence the limit;
 * beyond it the client is one that vanished. */
static void keep_orphan(struct server_thread *thread, struct connection *connection)
{
    struct http_session *session = &connection->session;
    bool owes = !connection->closing && http_session_owes(session) && !session->blocked && session->phase != PHASE_BODY;
    if (owes && thread->orphans++ < ORPHANS_A_SECOND) {
        connection->orphan_fd = fcntl(lws_get_socket_fd(connection->wsi), F_DUPFD_CLOEXEC, 0);
    }
}

static void on_destroyed(struct server_thread *thread, struct connection *connection)
{
    connection->wsi = NULL;
    if (connection->orphan_fd < 0) {
        forget(thread, connection);
    } else {
        http_session_end_of_input(&connection->session);
    }
}

/* Every connection that asked for it is flushed, or ended. */
static void attend(struct server_thread *thread)
{
    struct connection *connection;
    while ((connection = connections_unlist(&thread->connections)) != NULL) {
        if (!connection->closing) {
            http_session_flush(&connection->session);
        }
        if (connection->closing && connection->wsi == NULL) {
            forget(thread, connection);
        } else if (connection->closing) {
            lws_set_timeout(connection->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
        }
    }
}

/* Accepting. */

static void adopt(struct server_thread *thread, const struct listener *listener, int fd, struct client_address peer)
{
    struct connection *connection =
        connections_take(&thread->connections, &thread->shared->connections, thread->shared->options->max_connections);
    if (connection == NULL) {
        accept_refuse(fd);
        metric_add(thread->front.intake.cells, METRIC_CONNECTIONS_REFUSED, 1);
        return;
    }
    connection->thread = thread;
    metric_add(thread->front.intake.cells, METRIC_CONNECTIONS, 1);
    metric_add(thread->front.intake.cells, METRIC_CONNECTIONS_ACCEPTED, 1);
    http_session_open(&connection->session, &thread->front, listener->routes, connection, peer);
    lws_adopt_desc_t how = {
        .vh = thread->vhost,
        .type = LWS_ADOPT_SOCKET,
        .fd = { .sockfd = fd },
        .vh_prot_name = PROTOCOL_NAME,
        .opaque = connection,
    };
    connection->wsi = lws_adopt_descriptor_vhost_via_info(&how);
    if (connection->wsi == NULL && connection->session.phase != PHASE_CLOSED) {
        forget(thread, connection);
    }
}

static void on_accept(struct ev_loop *loop, ev_io *io, int events)
{
    struct server_thread *thread = ev_userdata(loop);
    struct listener *listener = io->data;
    (void)events;
    for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
        int fd;
        struct client_address peer;
        enum accepted accepted = accept_next(listener->fd, &fd, &peer);
        if (accepted == ACCEPT_EXHAUSTED) {
            ev_io_stop(loop, io); /* the timer starts it again */
        }
        if (accepted != ACCEPTED) {
            return;
        }
        adopt(thread, listener, fd, peer);
    }
}

static void close_listeners(struct server_thread *thread)
{
    for (size_t i = 0; i < ARRAY_LENGTH(thread->listeners); i++) {
        struct listener *listener = &thread->listeners[i];
        if (listener->fd >= 0) {
            if (thread->loop != NULL) {
                ev_io_stop(thread->loop, &listener->io);
            }
            close(listener->fd);
            listener->fd = -1;
        }
    }
}

/* The switchboard. */

static void drain_connections(struct server_thread *thread)
{
    thread->front.draining = true;
    close_listeners(thread);
    connections_drain(&thread->connections);
}

static void on_wake(struct server_thread *thread)
{
    struct inbox_orders orders = inbox_take(&thread->inbox);
    if (orders.stop && !thread->stopping) {
        thread->stopping = true;
        thread->stop_deadline_ns = orders.stop_deadline_ns;
    }
    pipeline_io_drain(thread->front.intake.io);
    deliver_pages(thread, orders.pages);
    if (orders.close && !thread->front.draining) {
        drain_connections(thread);
    }
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    struct connection *connection = lws_get_opaque_user_data(wsi);
    struct server_thread *thread = lws_context_user(lws_get_context(wsi));
    (void)user;
    if (reason == LWS_CALLBACK_EVENT_WAIT_CANCELLED) {
        on_wake(thread);
        return 0;
    }
    if (connection == NULL) {
        return 0;
    }
    switch (reason) {
    case LWS_CALLBACK_RAW_RX:
        http_session_receive(&connection->session, slice_make(in, len));
        return connection->closing ? -1 : 0;
    case LWS_CALLBACK_RAW_WRITEABLE:
        if (connection->session.blocked) {
            http_session_writable(&connection->session);
        }
        return connection->closing ? -1 : 0;
    case LWS_CALLBACK_RAW_CLOSE: keep_orphan(thread, connection); return 0;
    case LWS_CALLBACK_WSI_DESTROY:
        lws_set_opaque_user_data(wsi, NULL);
        on_destroyed(thread, connection);
        return 0;
    default: return 0;
    }
}

static const struct lws_protocols protocols[] = {
    { .name = PROTOCOL_NAME, .callback = on_event, .rx_buffer_size = READ_SIZE },
    { .name = NULL },
};

/* The loop. */

static void on_prepare(struct ev_loop *loop, ev_prepare *watcher, int events)
{
    struct server_thread *thread = ev_userdata(loop);
    (void)watcher, (void)events;
    pipeline_io_flush(thread->front.intake.io);
    if (thread->connections.listed != NULL) {
        attend(thread);
        pipeline_io_flush(thread->front.intake.io);
    }
    if (thread->stopping) {
        if (thread->front.now_ns >= thread->stop_deadline_ns || !connections_owe(&thread->connections)) {
            ev_break(loop, EVBREAK_ALL);
        }
        ev_timer_stop(loop, &thread->timer);
        ev_timer_set(&thread->timer, STOPPING_TICK, STOPPING_TICK);
        ev_timer_start(loop, &thread->timer);
    }
}

static void on_check(struct ev_loop *loop, ev_check *watcher, int events)
{
    struct server_thread *thread = ev_userdata(loop);
    (void)watcher, (void)events;
    http_front_set_time(&thread->front, clock_monotonic_ns(), clock_wall_ns());
}

static void on_tick(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct server_thread *thread = ev_userdata(loop);
    (void)timer, (void)events;
    thread->orphans = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(thread->listeners); i++) {
        if (thread->listeners[i].fd >= 0) {
            ev_io_start(loop, &thread->listeners[i].io);
        }
    }
    connections_tick(&thread->connections);
}

static void run(void *opaque)
{
    struct server_thread *thread = opaque;
    ev_run(thread->loop, 0);
    pipeline_io_flush(thread->front.intake.io);
}

/* Begin and end. */

static void log_line(int level, const char *line)
{
    size_t len = strcspn(line, "\n");
    LOG(level == LLL_ERR ? LOG_ERROR : LOG_WARN, "libwebsockets", "%.*s", (int)len, line);
}

static void start_watchers(struct server_thread *thread)
{
    ev_set_userdata(thread->loop, thread);
    ev_prepare_init(&thread->prepare, on_prepare);
    ev_prepare_start(thread->loop, &thread->prepare);
    ev_check_init(&thread->check, on_check);
    ev_set_priority(&thread->check, EV_MAXPRI);
    ev_check_start(thread->loop, &thread->check);
    ev_timer_init(&thread->timer, on_tick, 1.0, 1.0);
    ev_timer_start(thread->loop, &thread->timer);
    for (size_t i = 0; i < ARRAY_LENGTH(thread->listeners); i++) {
        struct listener *listener = &thread->listeners[i];
        if (listener->fd >= 0) {
            ev_io_init(&listener->io, on_accept, listener->fd, EV_READ);
            listener->io.data = listener;
            ev_io_start(thread->loop, &listener->io);
        }
    }
}

static bool make_context(struct server_thread *thread)
{
    thread->loop = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOSIGMASK);
    if (thread->loop == NULL) {
        return false;
    }
    void *loops[] = { thread->loop };
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .protocols = protocols,
        .options = LWS_SERVER_OPTION_LIBEV,
        .foreign_loops = loops,
        .user = thread,
        .pt_serv_buf_size = READ_SIZE,
        .gid = -1,
        .uid = -1,
    };
    lws_set_log_level(LLL_ERR | LLL_WARN, log_line);
    thread->context = lws_create_context(&info);
    thread->vhost = thread->context == NULL ? NULL : lws_get_vhost_by_name(thread->context, "default");
    return thread->vhost != NULL;
}

static bool make_front(struct server_thread *thread)
{
    struct server_shared *shared = thread->shared;
    struct pipeline_io_callbacks callbacks = {
        .context = thread, .complete = on_complete, .stored = on_stored, .wake = wake
    };
    if (!http_front_init(&thread->front, shared->options, &shared->trusted, shared->pipeline, shared->metrics)) {
        return false;
    }
    thread->front.transport = &transport;
    thread->front.thread = thread;
    http_front_set_time(&thread->front, clock_monotonic_ns(), clock_wall_ns());
    thread->front.intake.io = pipeline_io_new(shared->pipeline, &callbacks);
    return thread->front.intake.io != NULL;
}

struct server_thread *server_thread_new(struct server_shared *shared, unsigned number, int listen_fd, int admin_fd,
                                        struct buf *problem)
{
    struct server_thread *thread = calloc(1, sizeof *thread);
    if (thread == NULL) {
        buf_append_string(problem, "start the I/O threads: out of memory");
        close(listen_fd);
        if (admin_fd >= 0) {
            close(admin_fd);
        }
        return NULL;
    }
    thread->shared = shared;
    thread->number = number;
    thread->listeners[0] = (struct listener){ .fd = listen_fd, .routes = &shared->routes };
    thread->listeners[1] = (struct listener){ .fd = admin_fd, .routes = &shared->admin_routes };
    inbox_init(&thread->inbox, ring, thread);
    if (!make_context(thread) || !make_front(thread)) {
        buf_append_string(problem, "start the I/O threads: libwebsockets on libev could not be set up (is its plugin "
                                   "libwebsockets-evlib-ev installed?)");
        server_thread_free(thread);
        return NULL;
    }
    start_watchers(thread);
    return thread;
}

enum error server_thread_start(struct server_thread *thread)
{
    char name[16];
    snprintf(name, sizeof name, "io-%u", thread->number);
    return thread_start(&thread->thread, name, run, thread);
}

void server_thread_close(struct server_thread *thread)
{
    inbox_want_close(&thread->inbox);
}

/* Without a thread of its own any more: what is left is closed. */
static void dismantle(struct server_thread *thread)
{
    inbox_shut(&thread->inbox);
    close_listeners(thread);
    if (thread->context != NULL) {
        lws_context_destroy(thread->context);
        thread->context = NULL;
    }
    connections_release(&thread->connections);
    if (thread->loop != NULL) {
        ev_loop_destroy(thread->loop);
        thread->loop = NULL;
    }
}

void server_thread_stop(struct server_thread *thread, int64_t deadline_ns)
{
    inbox_want_stop(&thread->inbox, deadline_ns);
    thread_join(&thread->thread);
    dismantle(thread);
}

void server_thread_free(struct server_thread *thread)
{
    if (thread == NULL) {
        return;
    }
    dismantle(thread);
    http_front_release(&thread->front);
    inbox_release(&thread->inbox);
    free(thread);
}
