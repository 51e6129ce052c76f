/* Turns sockets into sessions' bytes and back: libwebsockets' raw role on a libev loop. */
#include "proto/server/sockets.h"

#include "base/log.h"
#include "proto/front/session.h"
#include "proto/server/after_fin.h"
#include "proto/server/connection_life.h"
#include "proto/server/plain_socket.h"
#include "proto/server/secure_socket.h"
#include "proto/server/wishes.h"

#include <libwebsockets.h>
#include <stdlib.h>

#define PROTOCOL_NAME "http"
#define READ_SIZE (64 << 10)

struct sockets {
    struct lws_context *context;
    struct lws_vhost *vhost;
    void (*woken)(void *context);
    void *woken_context;
    struct buf plain; /* of the TLS connection at hand */
};

/* Plain text. */

static struct lws *wsi_of(struct transport *transport)
{
    return ((struct connection *)transport)->wsi;
}

static ssize_t plain_write(struct transport *transport, struct slice bytes)
{
    ssize_t taken = plain_socket_write(lws_get_socket_fd(wsi_of(transport)), bytes);
    if (taken >= 0 && (size_t)taken != bytes.len) {
        lws_callback_on_writable(wsi_of(transport));
    }
    return taken;
}

static void plain_set_reading(struct transport *transport, bool on)
{
    lws_rx_flow_control(wsi_of(transport), on ? 1 : 0);
}

static void plain_finish(struct transport *transport)
{
    shutdown(lws_get_socket_fd(wsi_of(transport)), SHUT_WR);
}

/* What libwebsockets holds back while reading is off does not count: nobody is silent then. */
static bool plain_has_input(struct transport *transport)
{
    char first;
    return recv(lws_get_socket_fd(wsi_of(transport)), &first, sizeof first, MSG_PEEK | MSG_DONTWAIT) > 0;
}

static size_t plain_untaken(struct transport *transport)
{
    return plain_socket_untaken(lws_get_socket_fd(wsi_of(transport)));
}

static bool plain_outlive_fin(struct transport *transport)
{
    return after_fin_take_over((struct connection *)transport, lws_get_socket_fd(wsi_of(transport)));
}

static void plain_kill(struct transport *transport)
{
    lws_set_timeout(wsi_of(transport), PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
}

const struct transport_ops plain_transport = {
    .write = plain_write,
    .set_reading = plain_set_reading,
    .finish = plain_finish,
    .has_input = plain_has_input,
    .untaken = plain_untaken,
    .outlive_fin = plain_outlive_fin,
    .kill = plain_kill,
    WISHES,
};

/* TLS on TCP. */

static ssize_t tls_write(struct transport *transport, struct slice bytes)
{
    ssize_t taken = secure_socket_write((struct connection *)transport, bytes);
    if (taken >= 0 && (size_t)taken != bytes.len) {
        lws_callback_on_writable(wsi_of(transport));
    }
    return taken;
}

static void tls_finish(struct transport *transport)
{
    if (secure_socket_goodbye((struct connection *)transport)) {
        plain_finish(transport);
    } else {
        lws_callback_on_writable(wsi_of(transport));
    }
}

const struct transport_ops tls_transport = {
    .write = tls_write,
    .set_reading = plain_set_reading,
    .finish = tls_finish,
    .has_input = plain_has_input,
    .untaken = plain_untaken,
    .outlive_fin = plain_outlive_fin,
    .kill = plain_kill,
    WISHES,
};

/* The switchboard. */

static struct sockets *sockets_of(struct lws *wsi)
{
    return lws_context_user(lws_get_context(wsi));
}

/* What libwebsockets is to do then: -1, close it. */
static int on_bytes(struct connection *connection, struct slice bytes)
{
    bool stays = true;
    if (secure_socket_is_on(connection)) {
        stays = secure_socket_receive(connection, bytes, &sockets_of(connection->wsi)->plain);
        if (secure_socket_is_full(connection)) {
            lws_callback_on_writable(connection->wsi);
        }
    } else if (!connection->closing) { /* what it took could not be answered any more */
        connection->ops->receive(connection->session, bytes);
    }
    return stays && !connection->closing ? 0 : -1;
}

static int on_writable(struct connection *connection)
{
    bool stays = true;
    if (secure_socket_is_on(connection)) {
        stays = secure_socket_writable(connection, &sockets_of(connection->wsi)->plain);
        if (secure_socket_is_full(connection)) {
            lws_callback_on_writable(connection->wsi);
        }
    } else if (!connection->closing) {
        connection->ops->writable(connection->session);
    }
    return stays && !connection->closing ? 0 : -1;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    struct connection *connection = lws_get_opaque_user_data(wsi);
    (void)user;
    if (reason == LWS_CALLBACK_EVENT_WAIT_CANCELLED) {
        struct sockets *sockets = sockets_of(wsi);
        sockets->woken(sockets->woken_context);
        return 0;
    }
    if (connection == NULL) {
        return 0;
    }
    switch (reason) {
    case LWS_CALLBACK_RAW_RX: return on_bytes(connection, slice_make(in, len));
    case LWS_CALLBACK_RAW_WRITEABLE: return on_writable(connection);
    case LWS_CALLBACK_RAW_CLOSE:
        connection_life_closing(connection);
        secure_socket_closing(connection);
        return 0;
    case LWS_CALLBACK_WSI_DESTROY:
        lws_set_opaque_user_data(wsi, NULL);
        connection->wsi = NULL;
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
    secure_socket_attach(connection, fd);
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
    buf_release(&sockets->plain);
    free(sockets);
}

void sockets_wake(struct sockets *sockets)
{
    lws_cancel_service(sockets->context);
}
