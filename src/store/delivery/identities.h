/* Which server processes answer at one address? A process is known by the name it gives itself and by when it started. One
 * that answers again after another did stands beside it, behind a balancer; a server that restarted, or another that took
 * over its name, never gives way to the one before. Pure. */
#pragma once

#include "store/store.h"

#define IDENTITIES_KEPT 8
/* How long several servers are remembered after they were last seen to take turns. */
#define IDENTITIES_MEMORY_NS (600 * NS_PER_SECOND)

struct identity {
    char name[STORE_SERVER_NAME_MAX]; /* "": it gives none */
    int64_t up_since_ns;              /* monotonic, by our clock */
};

struct identities {
    struct identity seen[IDENTITIES_KEPT];
    size_t count;
    size_t current;                    /* the last that answered */
    size_t next;                       /* to be overwritten */
    int64_t turns_ns;                  /* when two were last seen to take turns; 0: never */
    char other[STORE_SERVER_NAME_MAX]; /* whose turn it was before */
};

/* After each probe. True if this is when several become known. */
bool identities_note(struct identities *identities, const char *name, int64_t up_since_ns, int64_t now_ns);

bool identities_are_several(const struct identities *identities, int64_t now_ns);
