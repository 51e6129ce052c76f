/* The pages of live: /live and /live/events. */
#pragma once

#include "base/bytes.h"

struct live;
struct live_interest;

/* False: memory is short; live_page_release follows either way. */
MUST_CHECK bool live_page_init(struct live *live);
void live_page_release(struct live *live);

/* Appends an event `numbers`, of text/event-stream. */
void live_append_numbers(struct live *live, const struct live_interest *interest, struct buf *out);
