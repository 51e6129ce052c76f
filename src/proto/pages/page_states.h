/* The state of the gateway's parts in the words of a page: `{gateway:up|down}`, `{store.reason}`, `{uptime_ns}`. Pages of one
 * configuration share it. It is read anew at most ten times a second, however often pages are asked for. */
#pragma once

#include "base/status.h"
#include "proto/reply/template.h"

#include <pthread.h>

#define PAGE_STATES_OLDEST_NS (100 * NS_PER_MS)

struct pages_source;

/* Parts as pages name them. GATEWAY: all of them, and whether events are accepted. */
enum page_part { PART_GATEWAY, PART_STORE, PART_DEDUP, PART_JOURNAL, PART_DEAD_LETTERS, PART_STREAMS, PART_COUNT };

struct page_part_state {
    enum status_level worst;
    bool any_ok;      /* of several, as the servers of a store */
    char reason[512]; /* of the first that is not well; "" */
};

/* Zeroed, then page_states_init. */
struct page_states {
    const struct pages_source *source;
    int64_t (*clock)(void); /* monotonic, ns */
    pthread_mutex_t mutex;  /* guards what follows */
    bool read;
    int64_t read_ns;
    struct page_part_state parts[PART_COUNT];
    int64_t connections;
    struct buf counters; /* a JSON object */
    char hostname[65];
};

void page_states_init(struct page_states *states, const struct pages_source *source, int64_t (*clock)(void));
void page_states_release(struct page_states *states);

/* A template_knows: context is not used. */
bool page_states_know(const void *context, struct slice name);

/* Of one request: context of page_states_value. */
struct page_states_request {
    struct page_states *states;
    struct slice client_ip;
    struct buf text; /* of the value given last */
};

/* Any thread. What stays as it is until page_states_unlock; returns the level of the whole gateway. */
enum status_level page_states_lock(struct page_states *states);
void page_states_unlock(struct page_states *states);

/* A template_value, between these two. */
bool page_states_value(void *context, struct slice name, struct template_text *text);
