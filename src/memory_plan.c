/* Turns a configuration into the most memory that it may take. */
#include "memory_plan.h"

#include "base/log.h"
#include "base/system/memory_size.h"
#include "config/options/named_query_options.h"
#include "config/options/options.h"

#define MIB (UINT64_C(1) << 20)
#define SHARE_DIVISOR 8
#define SHARE_LEAST (64 * MIB)
#define SHARE_MOST (1024 * MIB)
#define LARGEST_AT_ONCE 4

#define OF_PROCESS (64 * MIB)    /* code, stacks, pages, the read API */
#define OF_ENGINE (512 * MIB)    /* the embedded engine beside its queries */
#define OF_CONNECTION (4 * 1024) /* its state, libwebsockets' own among it */
#define PARSED 15                /* of a payload: itself, unpacked, and 13 times that for the parser */
#define SMALL_PARSED (8 * MIB)   /* the same, of what an I/O thread parses itself */
#define LARGE_WAITING 4          /* bodies that wait beside each I/O thread: server_thread.c */
#define OF_STREAM (16 * MIB)     /* its open chunk and spare ones, of each thread */
#define COPIES_OF_BATCH 3        /* as read, as plain rows, and as sent */
#define COPIES_OF_RESULT 4       /* of a query: as it came, tidied, as JSON, and in the reply */
#define OF_MARKS (64 * MIB)      /* ids that Redis has still to be told of */
#define OF_DATAGRAMS (8 * MIB)   /* of a thread: those it reads at once */
#define OF_SIGNATURE 32          /* of a datagram that came: udp_replay.c */

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t share(uint64_t given, uint64_t memory, uint64_t least)
{
    uint64_t part = memory / SHARE_DIVISOR;
    part = part < SHARE_MOST ? part : SHARE_MOST;
    return given != 0 ? given : larger(part, larger(least, SHARE_LEAST));
}

static uint64_t of_threads(const struct config *config)
{
    uint64_t streams = OF_STREAM * (uint64_t)config->stream_count;
    uint64_t unpacked = larger(config->http.max_decompressed_bytes, config->websocket.max_decompressed_bytes);
    uint64_t received = larger(config->http.max_body_bytes, config->websocket.max_message_bytes);
    uint64_t large = PARSED * larger(unpacked, received) + LARGE_WAITING * received; /* beside it: payload_thread.h */
    uint64_t udp_threads = (uint64_t)config->udp.threads * config->udp.listener_count;
    return (uint64_t)config->http.io_threads * (large + SMALL_PARSED + streams) +
           udp_threads * (PARSED * config->udp.max_decompressed_bytes + streams + OF_DATAGRAMS);
}

/* Of keys that sign for several listeners as often as they are named. */
static uint64_t of_signatures(const struct udp_options *udp)
{
    uint64_t keys = 0;
    for (size_t i = 0; i < udp->listener_count; i++) {
        keys += udp->listeners[i].hmac.count;
    }
    return keys * OF_SIGNATURE * udp->hmac_remembered;
}

static uint64_t of_writers(const struct config *config)
{
    uint64_t batch = 0;
    for (size_t i = 0; i < config->stream_count; i++) {
        batch = larger(batch, config->streams[i].batch.max_bytes);
    }
    return (uint64_t)config->writer.threads * COPIES_OF_BATCH * batch;
}

/* Answers that are kept, and on each thread a result as it came, as JSON and as a reply. */
static uint64_t of_queries(const struct config *config)
{
    uint64_t result = 0;
    bool caches = false;
    for (size_t i = 0; i < config->query_count; i++) {
        const struct named_query_options *query = &config->queries[i];
        result = larger(result, COPIES_OF_RESULT * query->max_bytes * query->select_count);
        caches = caches || query->cache_ns != 0;
    }
    return (caches ? config->query.cache_bytes : 0) + (uint64_t)config->query.threads * result;
}

static uint64_t of_dedup(const struct dedup_options *dedup)
{
    switch (dedup->kind) {
    case DEDUP_MEMORY: return dedup->max_bytes;
    case DEDUP_REDIS: return dedup->redis_front + OF_MARKS;
    case DEDUP_NONE: break;
    }
    return 0;
}

struct memory_plan memory_plan(const struct config *config, uint64_t memory)
{
    uint64_t largest = larger(config->http.max_body_bytes, config->websocket.max_message_bytes);
    struct memory_plan plan = {
        .memory = memory,
        .receiving = share(config->http.max_receiving_bytes, memory, LARGEST_AT_ONCE * largest),
        .replying = share(config->http.max_replying_bytes, memory, 0),
    };
    plan.most = OF_PROCESS + plan.receiving + plan.replying + config->commit.queue_bytes +
                OF_CONNECTION * (uint64_t)config->http.max_connections + of_threads(config) + of_writers(config) +
                of_queries(config) + of_dedup(&config->dedup) + of_signatures(&config->udp);
    if (config->store.kind == STORE_EMBEDDED) {
        plan.most += config->store.max_memory + OF_ENGINE;
    }
    if (config->journal.durability == DURABILITY_MEMORY) {
        plan.most += config->journal.max_bytes;
    }
    return plan;
}

struct memory_plan memory_plan_here(const struct config *config)
{
    return memory_plan(config, memory_size());
}

bool memory_plan_check(const struct config *config, struct buf *problems)
{
    uint64_t largest = larger(config->http.max_body_bytes, config->websocket.max_message_bytes);
    uint64_t receiving = config->http.max_receiving_bytes;
    if (receiving == 0 || receiving >= 2 * largest) {
        return true;
    }
    buf_printf(problems,
               "http.max_receiving: found %llu bytes, expected at least twice the larger of http.max_body and "
               "websocket.max_message (%llu), or 0 for a share of the memory\n",
               (unsigned long long)receiving, (unsigned long long)largest);
    return false;
}

void memory_plan_log(const struct memory_plan *plan)
{
    bool fits = plan->most <= plan->memory;
    LOG(fits ? LOG_INFO : LOG_WARN, "memory",
        "at most %llu MiB by the sum of all bounds, of %llu MiB; half received %llu, replies not taken %llu MiB%s",
        (unsigned long long)(plan->most / MIB), (unsigned long long)(plan->memory / MIB),
        (unsigned long long)(plan->receiving / MIB), (unsigned long long)(plan->replying / MIB),
        fits ? "" : "; it may be killed: lower the bounds (docs/operations.md, Memory)");
}
