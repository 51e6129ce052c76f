/* Options: the WebSocket front end (proto/ws). See options.h. */
#pragma once

#include <stdint.h>

/* WebSockets begin as HTTP requests: http's limits of connections, headers, events and origins are theirs too. */
struct websocket_options {
    uint64_t max_message_bytes; /* as received, still compressed, over all its fragments */
    uint64_t max_decompressed_bytes;
    uint64_t max_in_flight;     /* events of one connection that are not acknowledged yet; then it is not read */
    int64_t max_connections;    /* of all I/O threads */
    int64_t max_per_address;    /* of one client address */
    int64_t ping_interval_ns;   /* without a sign of life, a ping goes out */
    int64_t pong_timeout_ns;    /* and, without an answer, the connection ends */
    int64_t message_timeout_ns; /* for the whole of a message */
    int64_t full_timeout_ns;    /* how long a message waits while the gateway is full */
};
