/* Turns signatures into "new" or "came before". */
#include "proto/udp/udp_replay.h"

#include "base/assert.h"
#include "base/hash.h"

#include <pthread.h>
#include <stdlib.h>

#define MAC_SIZE 16
#define NOBODY 0 /* the mark at a place is named by the place + 1 */
#define NO_PLACE SIZE_MAX
#define MAX_TRIES 8 /* places looked at for one that may be forgotten */

struct mark {
    uint64_t fingerprint;
    int64_t signed_ns;
    uint32_t next; /* name of the next in the chain, or NOBODY */
};

/* A ring of marks in the order in which they came, and chains through it by fingerprint.
 * Invariant: the marks [0, used) stand in one chain each; used <= most; next place = cursor < most once used == most. */
struct udp_replay {
    pthread_mutex_t mutex;
    int owners;
    struct mark *marks;
    uint32_t *chains; /* name of the first mark of each, or NOBODY */
    size_t most;
    size_t used;
    size_t cursor;
    size_t chain_mask;
    int64_t floor_ns; /* nothing that was signed before it comes in */
};

static size_t chains_for(size_t most)
{
    size_t count = 16;
    while (count < most) {
        count *= 2;
    }
    return count;
}

struct udp_replay *udp_replay_new(size_t most, int64_t since_ns)
{
    ASSERT(most != 0 && most < UINT32_MAX);
    size_t chains = chains_for(most);
    struct udp_replay *replay = calloc(1, sizeof *replay);
    struct mark *marks = malloc(most * sizeof *marks); /* their pages are taken as they are used */
    uint32_t *heads = calloc(chains, sizeof *heads);
    if (replay == NULL || marks == NULL || heads == NULL) {
        free(replay);
        free(marks);
        free(heads);
        return NULL;
    }
    *replay = (struct udp_replay){
        .owners = 1, .marks = marks, .chains = heads, .most = most, .chain_mask = chains - 1, .floor_ns = since_ns
    };
    pthread_mutex_init(&replay->mutex, NULL);
    return replay;
}

struct udp_replay *udp_replay_share(struct udp_replay *replay)
{
    ASSERT(replay->owners > 0);
    replay->owners++;
    return replay;
}

void udp_replay_free(struct udp_replay *replay)
{
    if (replay == NULL || --replay->owners > 0) {
        return;
    }
    pthread_mutex_destroy(&replay->mutex);
    free(replay->marks);
    free(replay->chains);
    free(replay);
}

static uint32_t *chain_of(struct udp_replay *replay, uint64_t fingerprint)
{
    return &replay->chains[fingerprint & replay->chain_mask];
}

static bool is_known(struct udp_replay *replay, uint64_t fingerprint)
{
    uint32_t at = *chain_of(replay, fingerprint);
    while (at != NOBODY && replay->marks[at - 1].fingerprint != fingerprint) {
        ASSERT_AT_MOST(at, replay->used);
        at = replay->marks[at - 1].next;
    }
    return at != NOBODY;
}

static void unlink_mark(struct udp_replay *replay, size_t place)
{
    uint32_t *link = chain_of(replay, replay->marks[place].fingerprint);
    while (*link != place + 1) {
        ASSERT(*link != NOBODY);
        link = &replay->marks[*link - 1].next;
    }
    *link = replay->marks[place].next;
}

/* A free place; or that of the mark that came first, of which nothing can come again. NO_PLACE: they are of the future. */
static size_t make_place(struct udp_replay *replay, const struct udp_signature *now, bool *forgot)
{
    if (replay->used < replay->most) {
        return replay->used++;
    }
    for (int tries = 0; tries < MAX_TRIES; tries++) {
        size_t place = replay->cursor;
        int64_t signed_ns = replay->marks[place].signed_ns;
        replay->cursor = (place + 1) % replay->most;
        if (signed_ns <= now->now_ns) {
            *forgot = signed_ns >= now->now_ns - now->window_ns;
            replay->floor_ns = signed_ns >= replay->floor_ns ? signed_ns + 1 : replay->floor_ns;
            unlink_mark(replay, place);
            return place;
        }
    }
    return NO_PLACE;
}

static enum error note(struct udp_replay *replay, const struct udp_signature *signature, uint64_t fingerprint,
                       bool *forgot)
{
    if (is_known(replay, fingerprint)) {
        return ERROR_REPLAYED;
    }
    if (signature->signed_ns < replay->floor_ns) {
        return ERROR_SIGNATURE_TIME;
    }
    size_t place = make_place(replay, signature, forgot);
    if (place == NO_PLACE) {
        return ERROR_SIGNATURES_FULL;
    }
    uint32_t *chain = chain_of(replay, fingerprint);
    replay->marks[place] = (struct mark){ fingerprint, signature->signed_ns, *chain };
    *chain = (uint32_t)place + 1;
    return OK;
}

enum error udp_replay_note(struct udp_replay *replay, const struct udp_signature *signature, bool *forgot)
{
    uint64_t fingerprint = hash_seeded_64(signature->mac, MAC_SIZE);
    *forgot = false;
    pthread_mutex_lock(&replay->mutex);
    enum error error = note(replay, signature, fingerprint, forgot);
    pthread_mutex_unlock(&replay->mutex);
    return error;
}
