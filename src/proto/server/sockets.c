/* Turns sockets into sessions' bytes and back: libwebsockets' raw role on a libev loop. */
#include "proto/server/sockets.h"

#include "base/log.h"
#include "proto/server/connection_life.h"

#include <errno.h>
#include <fcntl.h>
#include <libwebsockets.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define PROTOCOL_NAME "http"
#define READ_SIZE (64 << 10)

struct sockets {
    struct lws_context *context;
    struct lws_vhost *vhost;
    void (*woken)(void *context);
    void *woken_context;
};

/* What sessions ask for. */

/* Past libwebsockets, whose lws_write would keep a copy of what the socket does not take. */
static ssize_t transport_write(void *opaque, struct slice bytes)
{
    struct connection *connection = opaque;
    bool orphan = connection->wsi == NULL;
    int fd = orphan ? connection->orphan_fd : lws_get_socket_fd(connection->wsi);
    ssize_t taken = send(fd, bytes.data, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (taken < 0 && errno != EAGAIN && errno != EINTR) {
        return -1;
    }
    taken = taken < 0 ? 0 : taken;
    if ((size_t)taken != bytes.len && orphan) {
        connection->orphan_full = true;
        connections_hold(connection);
    } else if ((size_t)taken != bytes.len) {
        lws_callback_on_writable(connection->wsi);
    }
    return taken;
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
    connections_list(connection);
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
    connections_list(opaque);
}

static void transport_want_room(void *opaque)
{
    connections_await_room(opaque);
}

/* What libwebsockets holds back while reading is off does not count: nobody is silent then. */
static bool transport_has_input(void *opaque)
{
    const struct connection *connection = opaque;
    char first;
    return connection->wsi != NULL &&
           recv(lws_get_socket_fd(connection->wsi), &first, sizeof first, MSG_PEEK | MSG_DONTWAIT) > 0;
}

static void transport_want_turn(void *opaque)
{
    connections_queue(opaque);
}

static size_t transport_untaken(void *opaque)
{
    const struct connection *connection = opaque;
    int waiting = 0;
    int fd = connection->wsi == NULL ? connection->orphan_fd : lws_get_socket_fd(connection->wsi);
    return ioctl(fd, SIOCOUTQ, &waiting) == 0 && waiting > 0 ? (size_t)waiting : 0;
}

const struct http_transport sockets_transport = {
    .write = transport_write,
    .set_reading = transport_set_reading,
    .finish = transport_finish,
    .close = transport_close,
    .want_flush = transport_want_flush,
    .want_room = transport_want_room,
    .has_input = transport_has_input,
    .want_turn = transport_want_turn,
    .untaken = transport_untaken,
};

/* The switchboard. */

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    struct connection *connection = lws_get_opaque_user_data(wsi);
    (void)user;
    if (reason == LWS_CALLBACK_EVENT_WAIT_CANCELLED) {
        struct sockets *sockets = lws_context_user(lws_get_context(wsi));
        sockets->woken(sockets->woken_context);
        return 0;
    }
    if (connection == NULL) {
        return 0;
    }
    switch (reason) {
    case LWS_CALLBACK_RAW_RX:
        if (!connection->closing) { /* what it took could not be answered any more */
            connection->ops->receive(connection->session, slice_make(in, len));
        }
        return connection->closing ? -1 : 0;
    case LWS_CALLBACK_RAW_WRITEABLE:
        if (!connection->closing) {
            connection->ops->writable(connection->session);
        }
        return connection->closing ? -1 : 0;
    case LWS_CALLBACK_RAW_CLOSE: connection_life_closing(connection); return 0;
    case LWS_CALLBACK_WSI_DESTROY:
        lws_set_opaque_user_data(wsi, NULL);
        connection_life_closed(connection);
        return 0;
    default: return 0;
    }
}

static const struct lws_protocols protocols[] = {
    { .name = PROTOCOL_NAME, .callback = on_event, .rx_buffer_size = READ_SIZE },
    { .name = NULL },
};

/* Sockets. */

bool sockets_adopt(struct sockets *sockets, struct connection *connection, int fd)
{
    lws_adopt_desc_t how = {
        .vh = sockets->vhost,
        .type = LWS_ADOPT_SOCKET,
        .fd = { .sockfd = fd },
        .vh_prot_name = PROTOCOL_NAME,
        .opaque = connection,
    };
    struct lws *wsi = lws_adopt_descriptor_vhost_via_info(&how);
    if (wsi != NULL) {
        connection->wsi = wsi;
    }
    return wsi != NULL;
}

void sockets_kill(struct connection *connection)
{
    lws_set_timeout(connection->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
}

int sockets_duplicate(const struct connection *connection)
{
    return fcntl(lws_get_socket_fd(connection->wsi), F_DUPFD_CLOEXEC, 0);
}

/* Begin and end. */

static void log_line(int level, const char *line)
{
    size_t len = strcspn(line, "\n");
    LOG(level == LLL_ERR ? LOG_ERROR : LOG_WARN, "libwebsockets", "%.*s", (int)len, line);
}

struct sockets *sockets_new(void *loop, void (*woken)(void *context), void *context)
{
    struct sockets *sockets = calloc(1, sizeof *sockets);
    if (sockets == NULL) {
        return NULL;
    }
    *sockets = (struct sockets){ .woken = woken, .woken_context = context };
    void *loops[] = { loop };
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .protocols = protocols,
        .options = LWS_SERVER_OPTION_LIBEV,
        .foreign_loops = loops,
        .user = sockets,
        .pt_serv_buf_size = READ_SIZE,
        .gid = -1,
        .uid = -1,
    };
    lws_set_log_level(LLL_ERR | LLL_WARN, log_line);
    sockets->context = lws_create_context(&info);
    sockets->vhost = sockets->context == NULL ? NULL : lws_get_vhost_by_name(sockets->context, "default");
    if (sockets->vhost == NULL) {
        sockets_free(sockets);
        return NULL;
    }
    return sockets;
}

void sockets_free(struct sockets *sockets)
{
    if (sockets == NULL) {
        return;
    }
    if (sockets->context != NULL) {
        lws_context_destroy(sockets->context);
    }
    free(sockets);
}

void sockets_wake(struct sockets *sockets)
{
    lws_cancel_service(sockets->context);
}
