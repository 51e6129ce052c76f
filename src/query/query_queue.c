/* Sorts questions by turns. */
#include "query/query_queue.h"

#include "base/assert.h"
#include "base/hash.h"
#include "proto/front/client_address.h"
#include "query/query_job.h"

#include <stdlib.h>

#define NETWORK_BYTES 8 /* of an IPv6 address */
#define MAPPED_BYTES 12 /* of ::ffff:a.b.c.d, that all IPv4 addresses share */

bool query_queue_init(struct query_queue *queue, size_t threads)
{
    ASSERT(queue->first == NULL && threads != 0);
    queue->running = calloc(threads, sizeof *queue->running);
    queue->threads = queue->running == NULL ? 0 : threads;
    return queue->running != NULL;
}

void query_queue_release(struct query_queue *queue)
{
    ASSERT(queue->first == NULL);
    free(queue->running);
    *queue = (struct query_queue){ 0 };
}

struct share {
    uint64_t turn; /* of the client's next question */
    int64_t waiting;
};

static void follow(struct share *share, uint64_t turn)
{
    share->turn = share->turn > turn ? share->turn : turn + 1;
}

static struct share share_of(const struct query_queue *queue, uint64_t client)
{
    struct share share = { .turn = queue->turn };
    for (size_t i = 0; i < queue->threads; i++) {
        if (queue->running[i].busy && queue->running[i].client == client) {
            follow(&share, queue->running[i].turn);
        }
    }
    for (const struct query_job *job = queue->first; job != NULL; job = job->next) {
        if (job->client == client) {
            follow(&share, job->turn);
            share.waiting++;
        }
    }
    ASSERT_AT_MOST(share.waiting, queue->waiting);
    return share;
}

enum error query_queue_add(struct query_queue *queue, struct query_job *job, int64_t max, int64_t max_per_client)
{
    if (queue->waiting >= max) {
        return ERROR_STORE_UNAVAILABLE;
    }
    struct share share = share_of(queue, job->client);
    if (share.waiting >= max_per_client) {
        return ERROR_TOO_MANY_OF_ADDRESS;
    }
    struct query_job **at = &queue->first;
    while (*at != NULL && (*at)->turn <= share.turn) {
        at = &(*at)->next;
    }
    job->turn = share.turn;
    job->next = *at;
    *at = job;
    queue->waiting++;
    return OK;
}

struct query_job *query_queue_take(struct query_queue *queue, size_t thread)
{
    struct query_job *job = queue->first;
    ASSERT_EQUAL(job == NULL, queue->waiting == 0);
    if (job != NULL) {
        ASSERT_AT_MOST(queue->turn, job->turn);
        queue->first = job->next;
        queue->waiting--;
        queue->turn = job->turn;
        queue->running[thread] = (struct query_turn){ job->client, job->turn, true };
    }
    return job;
}

void query_queue_done(struct query_queue *queue, size_t thread)
{
    ASSERT_BELOW(thread, queue->threads);
    queue->running[thread].busy = false;
}

uint64_t query_queue_client(struct slice address_text)
{
    static const uint8_t mapped[MAPPED_BYTES] = { [10] = 0xFF, [11] = 0xFF };
    struct client_address address;
    if (!client_address_parse(&address, address_text)) {
        return 0;
    }
    if (memcmp(address.bytes, mapped, sizeof mapped) != 0) {
        memset(address.bytes + NETWORK_BYTES, 0, sizeof address.bytes - NETWORK_BYTES);
    }
    return hash_seeded_64(address.bytes, sizeof address.bytes);
}
