/* Turns a trailer into a verdict: signed by this key, just now, and for the first time. */
#include "proto/udp/udp_signer.h"

#include "base/assert.h"
#include "base/digest.h"
#include "proto/udp/udp_replay.h"
#include "proto/udp/udp_trailer.h"

_Static_assert(UDP_SECRET_SIZE == DIGEST_SHA256_SIZE && UDP_TRAILER_MAC <= DIGEST_SHA256_SIZE, "a secret is a SHA-256");

bool udp_signer_init(struct udp_signer *signer, const uint8_t secret[UDP_SECRET_SIZE], struct udp_replay *replay)
{
    struct slice bytes = slice_make(secret, UDP_SECRET_SIZE);
    *signer = (struct udp_signer){ .hmac = digest_hmac_key_new(bytes), .replay = replay };
    memcpy(signer->secret, secret, UDP_SECRET_SIZE);
    return udp_trailer_key_id(bytes, &signer->id) && signer->hmac != NULL && replay != NULL;
}

void udp_signer_release(struct udp_signer *signer)
{
    digest_hmac_key_free(signer->hmac);
    udp_replay_free(signer->replay);
    *signer = (struct udp_signer){ 0 };
}

static bool is_of_now(uint64_t signed_ns, const struct udp_moment *moment)
{
    int64_t at_ns = (int64_t)signed_ns;
    return signed_ns <= INT64_MAX && at_ns >= moment->wall_ns - moment->window_ns &&
           at_ns <= moment->wall_ns + moment->window_ns;
}

/* The time is looked at first: what is too old costs no HMAC. */
enum error udp_signer_check(const struct udp_signer *signer, struct digest_scratch *scratch,
                            const struct udp_trailer *trailer, const struct udp_moment *moment, bool *forgot)
{
    uint8_t mac[DIGEST_SHA256_SIZE];
    ASSERT(trailer->key_id == signer->id);
    ASSERT(moment->window_ns > 0 && moment->wall_ns < INT64_MAX - moment->window_ns);
    if (!is_of_now(trailer->signed_ns, moment)) {
        return ERROR_SIGNATURE_TIME;
    }
    if (!digest_hmac_sha256(signer->hmac, scratch, trailer->covered, mac)) {
        return ERROR_OUT_OF_MEMORY;
    }
    if (!digest_equal(mac, trailer->mac, UDP_TRAILER_MAC)) {
        return ERROR_BAD_SIGNATURE;
    }
    const struct udp_signature signature = { mac, (int64_t)trailer->signed_ns, moment->wall_ns, moment->window_ns };
    return udp_replay_note(signer->replay, &signature, forgot);
}
