/* What the load generators share: events that carry a number in their user_id, so that a test can say which are in the
 * store, and latencies. Plain functions on the caller's data; one thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NUMBER_DIGITS 12
#define TIME_DIGITS 13
#define MAX_LATENCIES (1 << 23)

/* 190 bytes with its number and time. */
#define EVENT_HEAD "{\"event_name\":\"purchase\",\"channel\":\"web\",\"campaign_id\":\"sale\",\"user_id\":\"u"
#define EVENT_MIDDLE "\",\"timestamp\":"
#define EVENT_TAIL ",\"tags\":[\"mobile\",\"premium\"],\"metadata\":{\"amount\":99.99,\"currency\":\"USD\"}}"
#define EVENT_LENGTH                                                                                                   \
    (sizeof EVENT_HEAD - 1 + NUMBER_DIGITS + sizeof EVENT_MIDDLE - 1 + TIME_DIGITS + sizeof EVENT_TAIL - 1)

/* Which numbers are sent: start, start + 1, … `events` of them (0: no end). */
struct numbers {
    uint64_t start;
    uint64_t events;
    unsigned repeat; /* percent of events that repeat an earlier one */
    int64_t base_ms; /* the time of number 0 */
    uint64_t next;   /* how many were given out */
};

struct latencies {
    uint32_t *us;
    size_t count;
};

static inline int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

_Noreturn static inline void die(const char *what)
{
    perror(what);
    exit(1);
}

static inline void *must_allocate(size_t size)
{
    void *memory = calloc(1, size);
    if (memory == NULL) {
        die("allocate");
    }
    return memory;
}

/* The same number has the same time in every process of a day. */
static inline int64_t numbers_base_ms(void)
{
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    return (int64_t)(wall.tv_sec / 86400 * 86400) * 1000 - 3600000;
}

/* Numbers count up; of every hundred, `repeat` say again what was said 100,000 numbers (or a tenth of them) before. */
static inline uint64_t number_of(const struct numbers *numbers, uint64_t sequence)
{
    uint64_t back = numbers->events != 0 && numbers->events < 1000000 ? numbers->events / 10 : 100000;
    bool repeats = sequence % 100 < numbers->repeat && sequence >= back;
    return numbers->start + (repeats ? sequence - back + 50 : sequence);
}

static inline void put_digits(char *at, int digits, uint64_t value)
{
    for (int i = digits - 1; i >= 0; i--) {
        at[i] = (char)('0' + value % 10);
        value /= 10;
    }
}

/* Bytes of `count` events between '[', ',' and ']'; without them if `array` is false (then count is 1). */
static inline size_t events_length(size_t count, bool array)
{
    return count * EVENT_LENGTH + (array ? count + 1 : 0);
}

/* Writes events_length bytes, the numbers still to come. */
static inline void put_events(char *at, size_t count, bool array)
{
    for (size_t i = 0; i < count; i++) {
        if (array) {
            *at++ = i == 0 ? '[' : ',';
        }
        char event[EVENT_LENGTH + 1];
        snprintf(event, sizeof event, "%s%0*d%s%0*d%s", EVENT_HEAD, NUMBER_DIGITS, 0, EVENT_MIDDLE, TIME_DIGITS, 0,
                 EVENT_TAIL);
        memcpy(at, event, EVENT_LENGTH);
        at += EVENT_LENGTH;
    }
    if (array) {
        *at = ']';
    }
}

/* Gives each of the events at `at` the next number; the sequence of the first. */
static inline uint64_t number_events(struct numbers *numbers, char *at, size_t count, bool array)
{
    uint64_t first = numbers->next;
    for (size_t i = 0; i < count; i++, at += EVENT_LENGTH) {
        uint64_t number = number_of(numbers, numbers->next++);
        at += array;
        put_digits(at + sizeof EVENT_HEAD - 1, NUMBER_DIGITS, number);
        put_digits(at + sizeof EVENT_HEAD - 1 + NUMBER_DIGITS + sizeof EVENT_MIDDLE - 1, TIME_DIGITS,
                   (uint64_t)numbers->base_ms + number % 60000);
    }
    return first;
}

/* The number behind `"name":` in JSON text; 0 if it is absent. */
static inline uint64_t count_in(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    return at == NULL ? 0 : strtoull(at + strlen(name), NULL, 10);
}

static inline void latencies_add(struct latencies *latencies, int64_t ns)
{
    if (latencies->count < MAX_LATENCIES) {
        latencies->us[latencies->count++] = (uint32_t)(ns / 1000);
    }
}

static inline int compare_latency(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static inline void latencies_sort(struct latencies *latencies)
{
    qsort(latencies->us, latencies->count, sizeof *latencies->us, compare_latency);
}

/* Of sorted latencies, in milliseconds. */
static inline double percentile(const struct latencies *latencies, double share)
{
    return latencies->count == 0 ? 0 : latencies->us[(size_t)((double)(latencies->count - 1) * share)] / 1000.0;
}
