/* Turns bytes that are used, free and wanted into a verdict. */
#include "pipeline/journal/admission.h"

#include "base/assert.h"
#include "base/clock.h"

bool bound_is_full(struct bound *bound, uint64_t used, uint64_t bytes)
{
    uint64_t room = used < bound->limit ? bound->limit - used : 0;
    if (!bound_fits(bound->limit, used, bytes)) {
        uint64_t wanted = bytes < bound->limit / 2 ? bytes : bound->limit / 2;
        bound->needed = (wanted > bound->limit / 16 ? wanted : bound->limit / 16) + 1;
        ASSERT_AT_MOST(bound->needed, bound->limit / 2 + 1);
    } else if (room >= bound->needed) {
        bound->needed = 0;
    }
    return bound->needed != 0;
}

static bool is_due(int64_t last_ns, int64_t now_ns)
{
    return last_ns == 0 || now_ns - last_ns >= NS_PER_SECOND;
}

bool admission_wants_check(const struct admission *admission, int64_t now_ns)
{
    return is_due(admission->checked_ns, now_ns);
}

bool admission_wants_probe(const struct admission *admission, int64_t now_ns)
{
    return admission->failing != OK && is_due(admission->probed_ns, now_ns);
}

static void want_room(struct admission *admission, uint64_t bytes)
{
    uint64_t needed = bytes > 1 ? bytes : 1;
    admission->room_needed = needed > admission->room_needed ? needed : admission->room_needed;
}

void admission_failed(struct admission *admission, enum error error, uint64_t bytes)
{
    ASSERT(error != OK);
    admission->failing = error;
    if (error == ERROR_DISK_FULL) {
        want_room(admission, bytes);
        admission->checked_ns = 0;
    }
}

static bool lacks_room(struct admission *admission, uint64_t bytes)
{
    uint64_t reserve = admission->min_free;
    uint64_t room = admission->free_bytes > reserve ? admission->free_bytes - reserve : 0;
    if (admission->in_memory) {
        return false;
    }
    if (admission->free_bytes < reserve || bytes > room) {
        want_room(admission, bytes);
    } else if (room >= admission->room_needed) {
        admission->room_needed = 0;
    }
    return admission->room_needed != 0;
}

enum error admission_verdict(struct admission *admission, uint64_t used, uint64_t bytes)
{
    bool full = bound_is_full(&admission->all, used, bytes); /* both learn, whatever the verdict */
    bool short_of_room = lacks_room(admission, bytes);
    ASSERT(!admission->in_memory || !short_of_room);
    return admission->failing != OK ? admission->failing
           : full                   ? ERROR_JOURNAL_FULL
           : short_of_room          ? ERROR_DISK_FULL
                                    : OK;
}
