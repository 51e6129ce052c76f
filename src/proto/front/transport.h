/* What carries a session: the socket of one connection. Each connection has a table of its own, so that what goes on the
 * wire may be packed otherwise (TLS), and what is left once the client has sent its FIN may go another way.
 *
 * All are called on the connection's thread; none calls back into the session but kill. */
#pragma once

#include "base/bytes.h"

#include <sys/types.h>

struct transport;

struct transport_ops {
    /* How many of the bytes the socket took; of the rest nothing is kept: session_ops.writable follows. -1: the
     * connection is lost. */
    ssize_t (*write)(struct transport *transport, struct slice bytes);
    /* Reading stops, or goes on. */
    void (*set_reading)(struct transport *transport, bool on);
    /* Nothing more will be written (FIN); what the client still sends is read. */
    void (*finish)(struct transport *transport);
    /* Bytes of the client wait at the socket that were not received yet: whoever is about to end a connection for its
     * silence asks, and goes on with it. */
    bool (*has_input)(struct transport *transport);
    /* How many of the bytes that the socket took still wait for the client to take them. */
    size_t (*untaken)(struct transport *transport);
    /* The client has sent its FIN, upon which the socket is closed, but answers are owed: keeps a way to write them, which
     * `write` takes from now on. False: there is none, and they are lost. */
    bool (*outlive_fin)(struct transport *transport);
    /* Ends the connection before it returns: session_ops.close is called. Never called by a session. */
    void (*kill)(struct transport *transport);

    /* Ends the connection soon; session_ops.close follows. */
    void (*close)(struct transport *transport);
    /* Has session_ops.flush called before the thread blocks. */
    void (*want_flush)(struct transport *transport);
    /* Has it called when the pipeline admits events again. */
    void (*want_room)(struct transport *transport);
    /* Has it called in a moment. */
    void (*want_later)(struct transport *transport);
    /* Has session_ops.go_on called once the connections that wait in line already had their turn. */
    void (*want_turn)(struct transport *transport);
};

/* The first member of what carries a session. */
struct transport {
    const struct transport_ops *ops;
};
