/* Turns what a session asks for into a place on one of its thread's lists. */
#include "proto/server/wishes.h"

#include "proto/server/connections.h"

void wishes_close(struct transport *transport)
{
    struct connection *connection = (struct connection *)transport;
    connection->closing = true;
    connections_list(connection);
}

void wishes_flush(struct transport *transport)
{
    connections_list((struct connection *)transport);
}

void wishes_room(struct transport *transport)
{
    connections_await_room((struct connection *)transport);
}

void wishes_later(struct transport *transport)
{
    connections_await_later((struct connection *)transport);
}

void wishes_turn(struct transport *transport)
{
    connections_queue((struct connection *)transport);
}
