/* The header fields that tell a client of its limits: RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers-10,
 * structured fields of RFC 9651), and the older X-RateLimit-Limit, -Remaining and -Reset (seconds from now). Any thread. */
#pragma once

#include "base/bytes.h"

struct limit_state;

/* Whole lines; empty if nothing is limited. They are good until this thread asks again. */
struct slice limit_fields_of(const struct limit_state *state);

/* What a client is told who was refused: whose limit it is, and of what. Of something that is limited. */
struct slice limit_refusal(const struct limit_state *state);
