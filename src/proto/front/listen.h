/* Listening sockets, of TCP or UDP: "host:port", "[::1]:port", ":port" become sockets that share one port by
 * SO_REUSEPORT. */
#pragma once

#include "base/bytes.h"

/* Whether `address` can be read at all; false with *problem. Looks no name up. */
MUST_CHECK bool listen_check(const char *address, struct buf *problem);

/* Its host, "" for all addresses, without brackets, and its port. False of what listen_check does not take. */
#define LISTEN_HOST_MAX 256
MUST_CHECK bool listen_read(const char *address, char host[LISTEN_HOST_MAX], uint16_t *port);

/* Whether two addresses that listen_check takes cannot both be listened on: one port, and hosts that are the same or of which
 * one is all addresses. Names are not looked up. Port 0 clashes with nothing. */
bool listen_clash(const char *a, const char *b);

/* Whether nobody but this machine can reach it: 127.0.0.0/8, ::1, localhost. False of what listen_check does not take. */
bool listen_is_loopback(const char *address);

/* Binds and listens on `address` with `count` sockets (fds[0..count)), non-blocking. ":port" listens on all addresses
 * of IPv4 and IPv6. Port 0 takes a free one. False with *problem ("listen on :8080: address already in use") and no
 * socket left open. A port that another process listens on is refused even if that one set SO_REUSEPORT. */
MUST_CHECK bool listen_open(const char *address, int *fds, size_t count, struct buf *problem);

/* Likewise of UDP: sockets that take datagrams. The kernel spreads senders over them. */
MUST_CHECK bool listen_open_datagrams(const char *address, int *fds, size_t count, struct buf *problem);

/* The port of a listening socket. */
int listen_port(int fd);
