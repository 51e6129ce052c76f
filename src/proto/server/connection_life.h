/* The life of a connection on its I/O thread: it begins as HTTP, may become a WebSocket, ends, or outlives its socket for
 * a while. What sockets.c and the thread tell it, and what it does about it. */
#pragma once

#include "base/error.h"

struct client_address;
struct connections;
struct listener;

/* A client has come; NULL: there is no room for it, or too many of its address are here (counted), *why says which. At the
 * limit one of those that were idle for longest goes, so that connections which ask for nothing keep nobody out. Proxies
 * that are trusted may have any number: they are not the clients. */
struct connection *connection_life_begin(struct connections *connections, const struct listener *listener,
                                         struct client_address peer, enum error *why);

/* Says why, if that can be said in plain text, and closes. */
void connection_life_refuse(const struct listener *listener, int fd, enum error why);
void connection_life_end(struct connection *connection);

/* Before the loop blocks: every connection that asked for it is flushed, upgraded, or ended. */
void connection_life_round(struct connections *connections);

/* Those that wait in line have their turn, one after the other, until it is over. */
void connection_life_serve_line(struct connections *connections);

/* The socket is about to be closed: the client has sent its FIN, or is gone. Answers that are owed still go out by its
 * transport, if that outlives a FIN. */
void connection_life_closing(struct connection *connection);

/* The socket has been closed. */
void connection_life_closed(struct connection *connection);

/* An orphan whose socket was full: its session tries again. Nobody says when there is room. */
void connection_life_push(struct connection *connection);
