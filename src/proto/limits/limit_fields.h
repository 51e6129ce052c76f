/* The header fields that tell a client of its limits: RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers-10,
 * structured fields of RFC 9651), and the older X-RateLimit-Limit, -Remaining and -Reset (seconds from now). Any thread. */
#pragma once

#include "base/bytes.h"

struct limit_state;

#define LIMIT_FIELDS_MAX 384

/* Whole lines; returns how many bytes, 0 if nothing is limited. */
size_t limit_fields_write(const struct limit_state *state, char out[LIMIT_FIELDS_MAX]);

/* What a client is told who was refused: whose limit it is, and of what. Of something that is limited. */
struct slice limit_refusal(const struct limit_state *state);
