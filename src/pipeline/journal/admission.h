/* May more go into the journal? The verdict of bounds, of the disk's room and of what has failed. Pure: it reads no
 * clock, asks no disk and shows nothing; journal_refuse.c does. One thread. */
#pragma once

#include "base/bytes.h"
#include "base/error.h"

#include <stdint.h>

/* Once something does not fit it counts as full until there is room for that, so that neither refusals nor the status
 * flicker; of a bound a sixteenth at least and half of it at most. */
struct bound {
    uint64_t limit;
    uint64_t needed; /* the room that ends it; 0: it is not full */
};

/* With nothing waiting anything fits: what is larger than the bound would be refused for ever. */
static inline bool bound_fits(uint64_t limit, uint64_t used, uint64_t bytes)
{
    return used == 0 || (used <= limit && bytes <= limit - used);
}

/* Would `bytes` more, beside those used, be too many? */
MUST_CHECK bool bound_is_full(struct bound *bound, uint64_t used, uint64_t bytes);

struct admission {
    struct bound all;     /* of all segments */
    uint64_t min_free;    /* bytes of the disk that stay free */
    bool in_memory;       /* the disk does not matter */
    uint64_t free_bytes;  /* of the disk, when it was last asked for */
    int64_t checked_ns;   /* when that was; 0: not yet, or what was free is not any more */
    uint64_t room_needed; /* above min_free, for what was refused; 0: nothing was */
    enum error failing;   /* a group has failed: what all are answered until a file can be written; OK: none */
    int64_t probed_ns;    /* when that was last tried; 0: not yet */
};

/* Is free space to be asked for? Once a second. */
MUST_CHECK bool admission_wants_check(const struct admission *admission, int64_t now_ns);

/* Is it to be tried whether a file can be written? After a failure at once, as most pass, then once a second. */
MUST_CHECK bool admission_wants_probe(const struct admission *admission, int64_t now_ns);

/* A group of `bytes` failed for `error`. */
void admission_failed(struct admission *admission, enum error error, uint64_t bytes);

/* OK, or what to answer: ERROR_JOURNAL_FULL, ERROR_DISK_FULL, or what has failed. `used`: bytes of all segments. */
MUST_CHECK enum error admission_verdict(struct admission *admission, uint64_t used, uint64_t bytes);
