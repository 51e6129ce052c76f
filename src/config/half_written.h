/* Files of a configuration that somebody may be writing at this moment. Whoever writes a file anew often empties it first, and half
 * of it may be a good configuration. */
#pragma once

#include "base/bytes.h"

struct udp_options;

/* What a file must have been left alone for. */
#define HALF_WRITTEN_QUIET_MS 20

/* A file that was written a moment ago is left alone for another moment, but not for ever. Of the file at `path`, and of
 * `keys_file` beside it ("": there is none). Blocks for 200 ms at most. */
void half_written_await(const char *path, const char *keys_file);

/* What of a configuration keeps strangers out. */
struct guards {
    const struct udp_options *udp; /* allow, hmac */
    size_t key_count;
};

/* The half that is not written yet must not let everybody in. Are the guards that are served still there in `next`, read from the
 * file at `path`? False: *problems names those that are gone, a line each. Whoever means that restarts. */
MUST_CHECK bool half_written_keeps(const struct guards *served, const struct guards *next, const char *path,
                                   struct buf *problems);
