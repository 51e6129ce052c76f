/* Turns a rate and a length into the times at which requests are due. */
#include "pace.h"

#include <math.h>
#include <stdbool.h>

static int64_t due_ns_of_next(const struct pace *pace)
{
    return pace->start_ns + (int64_t)((double)pace->given * pace->interval_ns);
}

static bool is_over(const struct pace *pace, int64_t now_ns, int64_t due_ns)
{
    if (pace->limit != 0) {
        return pace->given >= pace->limit;
    }
    return due_ns >= pace->start_ns + pace->length_ns || now_ns >= pace->start_ns + 2 * pace->length_ns;
}

enum pace_answer pace_take(struct pace *pace, int64_t now_ns, int64_t *due_ns)
{
    int64_t due = pace->interval_ns > 0 ? due_ns_of_next(pace) : now_ns;
    if (is_over(pace, now_ns, due)) {
        return PACE_OVER;
    }
    if (due > now_ns) {
        return PACE_NOT_YET;
    }
    *due_ns = due;
    pace->given++;
    return PACE_DUE;
}

int64_t pace_next_ns(const struct pace *pace)
{
    int64_t due_ns = due_ns_of_next(pace);
    return is_over(pace, pace->start_ns, due_ns) ? pace->start_ns : due_ns;
}

uint64_t pace_unsent(const struct pace *pace)
{
    if (pace->interval_ns <= 0) {
        return 0;
    }
    uint64_t due = pace->limit != 0 ? pace->limit : (uint64_t)ceil((double)pace->length_ns / pace->interval_ns);
    return due > pace->given ? due - pace->given : 0;
}
