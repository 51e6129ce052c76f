/* Client addresses: which address sent a request, when some of those on the way are proxies we trust. Pure. */
#pragma once

#include "base/bytes.h"

struct string_list;

/* IPv4 addresses stand in their IPv6-mapped form (::ffff:a.b.c.d), so that one comparison serves both. */
struct client_address {
    uint8_t bytes[16];
};

#define CLIENT_ADDRESS_TEXT 46

/* Of a socket's peer (AF_INET or AF_INET6). */
struct sockaddr_storage;
struct client_address client_address_of(const struct sockaddr_storage *peer);

/* Text of an IPv4 or IPv6 address, no port, no brackets, no zone. */
MUST_CHECK bool client_address_parse(struct client_address *address, struct slice text);

/* Writes the address (mapped ones as IPv4) without a NUL; returns its length. */
size_t client_address_format(const struct client_address *address, char text[CLIENT_ADDRESS_TEXT]);

struct address_range {
    struct client_address base;
    unsigned bits; /* of the 128 */
};

struct address_ranges {
    struct address_range *items;
    size_t count;
};

/* Compiles "10.0.0.0/8", "::1", … False with *problem naming the entry, behind the name of its option. */
MUST_CHECK bool address_ranges_init(struct address_ranges *ranges, const struct string_list *list, const char *option,
                                    struct buf *problem);
void address_ranges_release(struct address_ranges *ranges);

bool address_ranges_hold(const struct address_ranges *ranges, const struct client_address *address);

/* The client behind `peer`: peer itself unless it is trusted; else the entries of X-Forwarded-For from the right, of its
 * last field first, the first that is not trusted. An entry that is no address ends the search: what stood before it
 * cannot be believed. */
struct client_address client_address_behind(const struct address_ranges *trusted, struct client_address peer,
                                            const struct slice *fields, size_t count);
