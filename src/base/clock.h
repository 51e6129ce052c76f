/* Time. Every time in the program is one int64_t of nanoseconds; only thread loops read the clock,
 * everything else takes the time as an argument. */
#pragma once

#include <stdint.h>

#define NS_PER_US INT64_C(1000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_SECOND INT64_C(1000000000)

/* For deadlines and durations: never steps, starts anywhere. */
int64_t clock_monotonic_ns(void);

/* What the calling thread has used of a CPU; a system call. */
int64_t clock_thread_cpu_ns(void);

/* For event times: since 1970-01-01 UTC, may step. */
int64_t clock_wall_ns(void);
