/* What is left of a plain connection whose client has sent its FIN: libwebsockets closes the socket as soon as it sees that,
 * so answers that are owed go out on a duplicate of it. */
#pragma once

#include "proto/server/connections.h"

/* `fd` is the socket of the connection, which is about to be closed. True: from now on its transport is this one, until
 * the session closes it or it is killed. TLS goes on as it was. */
MUST_CHECK bool after_fin_take_over(struct connection *connection, int fd);
