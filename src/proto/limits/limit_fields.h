/* The header fields that tell a client of its limits: RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers-10,
 * structured fields of RFC 9651), and the older X-RateLimit-Limit, -Remaining and -Reset (seconds from now). Any thread. */
#pragma once

#include <stddef.h>

struct limit_state;

#define LIMIT_FIELDS_MAX 384

/* Whole lines; returns how many bytes, 0 if nothing is limited. */
size_t limit_fields_write(const struct limit_state *state, char out[LIMIT_FIELDS_MAX]);
