/* Datagrams to listeners that ask for a signature, and to one that does not. As they are, none has a good one: whoever has no
 * key does not come in. Signed by a key of the listener, each comes in once, if it is of now. */
#include <stdlib.h>

#include "base/clock.h"
#include "config/options/access_options.h"
#include "config/options/udp_options.h"
#include "fuzz/cost.h"
#include "proto/access/access.h"
#include "proto/front/client_address.h"
#include "proto/udp/udp_rules.h"
#include "signed_datagram.h"

#define NOW (INT64_C(1800000000) * NS_PER_SECOND)
#define WINDOW (60 * NS_PER_SECOND)

static struct access *keys;
static struct udp_rules *rules;
static struct digest_scratch *scratch;
static const uint8_t hash[DIGEST_SHA256_SIZE] = { 0xAB };

static void must(bool promise)
{
    if (!promise) {
        abort();
    }
}

static void make(void)
{
    static const struct key_options key = { .file = "",
                                            .name = "plant",
                                            .sha256 =
                                                "ab00000000000000000000000000000000000000000000000000000000000000",
                                            .scopes = ACCESS_WRITE,
                                            .subject = "",
                                            .expires = "" };
    static const char *names[] = { "plant" };
    static struct udp_listener_options listeners[] = { { .hmac = { names, 1 } }, { .line = 2 } };
    static const struct udp_options options = {
        .listeners = listeners, .listener_count = 2, .hmac_window_ns = WINDOW, .hmac_remembered = 1000
    };
    struct buf problems = { 0 };
    keys = access_new(&key, 1, NULL, 0, &problems);
    const struct udp_rules_source source = { &options, keys, NULL, NOW - WINDOW };
    rules = udp_rules_new(&source, &problems);
    scratch = digest_scratch_new();
    must(keys != NULL && rules != NULL && scratch != NULL);
}

static enum error judge(size_t listener, struct slice bytes, struct udp_visit *visit)
{
    static const struct client_address nobody;
    const struct udp_arrival arrival = { listener, &nobody, bytes, NOW };
    return udp_rules_judge(rules, keys, scratch, &arrival, visit);
}

static void take_stranger(struct slice bytes)
{
    struct udp_visit visit;
    enum error error = judge(0, bytes, &visit);
    must(error == ERROR_BAD_SIGNATURE || error == ERROR_SIGNATURE_TIME);
    must(visit.payload.len <= bytes.len && visit.key == NULL);
    error = judge(1, bytes, &visit);
    must(error == (udp_trailer_is_there(bytes) ? ERROR_SIGNATURE_UNEXPECTED : OK));
    must(visit.payload.data == bytes.data && visit.payload.len == bytes.len);
}

static void take_owner(struct slice payload, uint64_t signed_ns)
{
    struct buf datagram = { 0 };
    struct udp_visit visit;
    sign_datagram(&datagram, payload, hash, signed_ns);
    enum error error = judge(0, buf_slice(&datagram), &visit);
    bool of_now = signed_ns >= (uint64_t)(NOW - WINDOW) && signed_ns <= (uint64_t)(NOW + WINDOW);
    must(of_now
             ? error == OK || error == ERROR_REPLAYED || error == ERROR_SIGNATURE_TIME || error == ERROR_SIGNATURES_FULL
             : error == ERROR_SIGNATURE_TIME);
    must(slice_equal(visit.payload, payload) && (visit.key != NULL) == (error == OK));
    enum error again = judge(0, buf_slice(&datagram), &visit);
    must(error == ERROR_SIGNATURES_FULL || again == (error == OK ? ERROR_REPLAYED : error));
    cost_weighs(2000); /* a key is prepared, and two HMACs computed */
    buf_release(&datagram);
}

static void take(const uint8_t *data, size_t size)
{
    struct slice bytes = slice_make(data, size);
    if (rules == NULL) {
        make();
    }
    take_stranger(bytes);
    if (size >= 8) {
        uint64_t at = load_u64(data);
        take_owner(slice_after(bytes, 8), at);
        take_owner(slice_after(bytes, 8), (uint64_t)(NOW - WINDOW) + at % (uint64_t)(2 * WINDOW));
    }
}

COST_FUZZER(take, 60)
