/* Times as those who watch read them. */
#pragma once

#include <stdint.h>

struct buf;

/* Appends 2026-11-30T16:40:00.123Z. */
void live_append_time(struct buf *out, int64_t wall_ns);
