/* Turns what a TLS stream says into what its session hears. */
#include "proto/server/secure_socket.h"

#include "base/assert.h"
#include "proto/front/session.h"
#include "proto/http/http_session.h"
#include "proto/server/accept.h"
#include "proto/server/connections.h"
#include "proto/tls/tls_stream.h"

#include <sys/socket.h>

bool secure_socket_is_on(const struct connection *connection)
{
    return connection->tls != NULL;
}

void secure_socket_attach(struct connection *connection, int fd)
{
    if (connection->tls != NULL) {
        tls_stream_attach(connection->tls, fd);
        connection->secure_fd = fd;
    }
}

ssize_t secure_socket_write(struct connection *connection, struct slice bytes)
{
    return tls_stream_write(connection->tls, bytes);
}

bool secure_socket_is_full(const struct connection *connection)
{
    return connection->tls != NULL && tls_stream_is_full(connection->tls);
}

/* As after a FIN: answers that are owed go out, and nothing else is waited for. */
static bool end_input(struct connection *connection)
{
    bool stays = !connection->closing && connection->ops->outlives_fin(connection->session);
    connection->deaf = true;
    if (stays) {
        connection->ops->end_of_input(connection->session);
    }
    return stays;
}

/* The client reads why, and then closes; if it does not, it is silent for too long. */
static bool turn_away(struct connection *connection)
{
    connection->deaf = true;
    shutdown(connection->secure_fd, SHUT_WR);
    return true;
}

static bool act_on(struct connection *connection, enum tls_stream_state state)
{
    switch (state) {
    case TLS_STREAM_SHAKES_HANDS: return true;
    case TLS_STREAM_OPEN: return !connection->closing;
    case TLS_STREAM_ENDED: return end_input(connection);
    case TLS_STREAM_REFUSED: return turn_away(connection);
    case TLS_STREAM_PLAIN_HTTP:
        accept_answer(connection->secure_fd, ERROR_TLS_REQUIRED, SLICE(""));
        return turn_away(connection);
    case TLS_STREAM_BROKEN: break;
    }
    return false;
}

bool secure_socket_receive(struct connection *connection, struct slice bytes, struct buf *plain)
{
    ASSERT(connection->tls != NULL && connection->secure_fd >= 0);
    if (connection->deaf) {
        return !connection->closing;
    }
    buf_clear(plain);
    enum tls_stream_state state = tls_stream_receive(connection->tls, bytes, plain);
    if (plain->len != 0 && !connection->closing) { /* what it took could not be answered any more */
        http_session_secure(connection->http, tls_stream_subject(connection->tls), tls_stream_hsts(connection->tls));
        connection->ops->receive(connection->session, buf_slice(plain));
    }
    return act_on(connection, state);
}

bool secure_socket_goodbye(struct connection *connection)
{
    bool said = connection->tls == NULL || tls_stream_finish(connection->tls);
    connection->finishing = !said;
    return said;
}

bool secure_socket_writable(struct connection *connection, struct buf *plain)
{
    if (!secure_socket_receive(connection, (struct slice){ 0 }, plain)) {
        return false;
    }
    if (!connection->finishing) {
        connection->ops->writable(connection->session);
    } else if (secure_socket_goodbye(connection)) {
        shutdown(connection->secure_fd, SHUT_WR);
    }
    return !connection->closing;
}

/* An orphan is written to on. */
void secure_socket_closing(struct connection *connection)
{
    if (connection->tls != NULL && !connection->orphan) {
        (void)secure_socket_goodbye(connection);
        secure_socket_attach(connection, -1);
    }
}
