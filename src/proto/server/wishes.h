/* What a session asks of its thread rather than of its socket: the part of struct transport_ops that all transports of a
 * connection share. */
#pragma once

struct transport;

void wishes_close(struct transport *transport);
void wishes_flush(struct transport *transport);
void wishes_room(struct transport *transport);
void wishes_later(struct transport *transport);
void wishes_turn(struct transport *transport);

#define WISHES                                                                                                         \
    .close = wishes_close, .want_flush = wishes_flush, .want_room = wishes_room, .want_later = wishes_later,           \
    .want_turn = wishes_turn
