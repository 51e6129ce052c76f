/* Turns the answers to probes into how many servers there are. */
#include "store/delivery/identities.h"

#include "base/assert.h"
#include "base/clock.h"

#include <stdio.h>

/* uptime() is in whole seconds, and a probe takes a while. */
#define TOLERANCE_NS (3 * NS_PER_SECOND)

static bool is(const struct identity *identity, const char *name, int64_t up_since_ns)
{
    int64_t apart = identity->up_since_ns - up_since_ns;
    return strcmp(identity->name, name) == 0 && apart <= TOLERANCE_NS && apart >= -TOLERANCE_NS;
}

static void add(struct identities *identities, const char *name, int64_t up_since_ns)
{
    struct identity *identity = &identities->seen[identities->next];
    snprintf(identity->name, sizeof identity->name, "%s", name);
    identity->up_since_ns = up_since_ns;
    identities->current = identities->next;
    identities->next = (identities->next + 1) % IDENTITIES_KEPT;
    identities->count += identities->count < IDENTITIES_KEPT;
    ASSERT_BELOW(identities->current, identities->count);
}

bool identities_are_several(const struct identities *identities, int64_t now_ns)
{
    return identities->turns_ns != 0 && now_ns - identities->turns_ns < IDENTITIES_MEMORY_NS;
}

bool identities_note(struct identities *identities, const char *name, int64_t up_since_ns, int64_t now_ns)
{
    if (identities->count != 0 && is(&identities->seen[identities->current], name, up_since_ns)) {
        return false;
    }
    for (size_t i = 0; i < identities->count; i++) {
        if (is(&identities->seen[i], name, up_since_ns)) {
            bool known = identities_are_several(identities, now_ns);
            memcpy(identities->other, identities->seen[identities->current].name, sizeof identities->other);
            identities->current = i;
            identities->turns_ns = now_ns;
            return !known;
        }
    }
    add(identities, name, up_since_ns);
    return false;
}
