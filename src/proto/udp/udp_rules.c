/* Turns what the UDP listeners' options say of senders into a verdict on each datagram. */
#include "proto/udp/udp_rules.h"

#include "base/assert.h"
#include "config/options/udp_options.h"
#include "proto/access/access.h"
#include "proto/front/client_address.h"
#include "proto/udp/udp_replay.h"
#include "proto/udp/udp_signer.h"
#include "proto/udp/udp_trailer.h"

#include <stdlib.h>

#define MAX_SIGNERS 64 /* of a listener: they are looked through for each datagram */

_Static_assert(ACCESS_HASH_SIZE == UDP_SECRET_SIZE, "the hash of a key is its HMAC key");

/* Of one listener. */
struct listener_rules {
    struct address_ranges allow; /* none: all may */
    size_t *signers;             /* places in rules->signers; each key once */
    size_t signer_count;         /* 0: datagrams are not signed */
};

struct udp_rules {
    struct listener_rules *listeners; /* as options->listeners */
    size_t count;
    struct udp_signer *signers; /* of all listeners; each key once */
    size_t signer_count;
    int64_t window_ns;
};

static const struct udp_signer *find_signer(const struct udp_rules *rules, const uint8_t *secret)
{
    for (size_t i = 0; i < rules->signer_count; i++) {
        if (memcmp(rules->signers[i].secret, secret, UDP_SECRET_SIZE) == 0) {
            return &rules->signers[i];
        }
    }
    return NULL;
}

/* Why a key may not sign; NULL: it may. */
static const char *fault_of(const struct access_key *key)
{
    if (key == NULL) {
        return "which is none of the keys";
    }
    if ((key->scopes & ACCESS_WRITE) == 0) {
        return "a key without the scope write";
    }
    if (key->origins->count != 0) {
        return "a key with origins: a browser's key is no secret";
    }
    return key->subject.len != 0 ? "a key with the subject of a certificate, which is no secret" : NULL;
}

static struct udp_replay *replay_for(const struct udp_rules_source *source, const struct access_key *key)
{
    const struct udp_signer *before = source->before == NULL ? NULL : find_signer(source->before, key->hash);
    return before != NULL ? udp_replay_share(before->replay)
                          : udp_replay_new(source->options->hmac_remembered, source->wall_ns);
}

/* Its place among the signers. False: memory is short. */
static bool place_signer(struct udp_rules *rules, const struct udp_rules_source *source, const struct access_key *key,
                         size_t *place)
{
    const struct udp_signer *known = find_signer(rules, key->hash);
    if (known != NULL) {
        *place = (size_t)(known - rules->signers);
        return true;
    }
    *place = rules->signer_count++;
    return udp_signer_init(&rules->signers[*place], key->hash, replay_for(source, key));
}

static bool has_place(const struct listener_rules *listener, size_t place)
{
    for (size_t i = 0; i < listener->signer_count; i++) {
        if (listener->signers[i] == place) {
            return true;
        }
    }
    return false;
}

static void compile_hmac(struct udp_rules *rules, size_t index, const struct udp_rules_source *source,
                         struct buf *problems)
{
    const struct udp_listener_options *options = &source->options->listeners[index];
    struct listener_rules *listener = &rules->listeners[index];
    if (options->hmac.count > MAX_SIGNERS) {
        buf_printf(problems, "%d: udp.listeners[].hmac: found %zu keys, expected at most %d\n", options->line,
                   options->hmac.count, MAX_SIGNERS);
        return;
    }
    for (size_t i = 0; i < options->hmac.count; i++) {
        struct slice name = slice_from_string(options->hmac.items[i]);
        const struct access_key *key = source->access == NULL ? NULL : access_named(source->access, name);
        const char *fault = fault_of(key);
        size_t place = 0;
        if (fault != NULL) {
            buf_printf(problems, "%d: udp.listeners[].hmac: found \"%s\", %s; expected the name of a key of its own\n",
                       options->line, options->hmac.items[i], fault);
        } else if (!place_signer(rules, source, key, &place)) {
            buf_printf(problems, "%d: udp.listeners[].hmac: out of memory\n", options->line);
        } else if (!has_place(listener, place)) {
            listener->signers[listener->signer_count++] = place;
        }
    }
}

static void compile_allow(struct listener_rules *rules, const struct udp_listener_options *options,
                          struct buf *problems)
{
    struct buf problem = { 0 };
    if (!address_ranges_init(&rules->allow, &options->allow, "udp.listeners[].allow", &problem)) {
        buf_printf(problems, "%d: %s\n", options->line, buf_c_string(&problem));
    }
    buf_release(&problem);
}

/* Room for all that the options may name. */
static bool make_room(struct udp_rules *rules, const struct udp_options *options)
{
    size_t named = 0;
    rules->listeners = calloc(options->listener_count + 1, sizeof *rules->listeners);
    if (rules->listeners == NULL) {
        return false;
    }
    for (; rules->count < options->listener_count; rules->count++) {
        struct listener_rules *listener = &rules->listeners[rules->count];
        size_t count = options->listeners[rules->count].hmac.count;
        listener->signers = calloc(count + 1, sizeof *listener->signers);
        named += count;
        if (listener->signers == NULL) {
            return false;
        }
    }
    rules->signers = calloc(named + 1, sizeof *rules->signers);
    return rules->signers != NULL;
}

struct udp_rules *udp_rules_new(const struct udp_rules_source *source, struct buf *problems)
{
    size_t before = problems->len;
    struct udp_rules *rules = calloc(1, sizeof *rules);
    if (rules == NULL || !make_room(rules, source->options)) {
        udp_rules_free(rules);
        return NULL;
    }
    rules->window_ns = source->options->hmac_window_ns;
    for (size_t i = 0; i < rules->count; i++) {
        compile_allow(&rules->listeners[i], &source->options->listeners[i], problems);
        compile_hmac(rules, i, source, problems);
    }
    if (problems->len != before || problems->failed) {
        udp_rules_free(rules);
        return NULL;
    }
    return rules;
}

void udp_rules_free(struct udp_rules *rules)
{
    if (rules == NULL) {
        return;
    }
    for (size_t i = 0; i < rules->signer_count; i++) {
        udp_signer_release(&rules->signers[i]);
    }
    for (size_t i = 0; i < rules->count; i++) {
        address_ranges_release(&rules->listeners[i].allow);
        free(rules->listeners[i].signers);
    }
    free(rules->listeners);
    free(rules->signers);
    free(rules);
}

static const struct udp_signer *signer_of(const struct udp_rules *rules, const struct listener_rules *listener,
                                          uint64_t key_id)
{
    for (size_t i = 0; i < listener->signer_count; i++) {
        ASSERT_BELOW(listener->signers[i], rules->signer_count);
        if (rules->signers[listener->signers[i]].id == key_id) {
            return &rules->signers[listener->signers[i]];
        }
    }
    return NULL;
}

/* May who signed it write? Asked of the keys as they are now. */
static enum error recall(const struct access *access, const struct udp_signer *signer, int64_t wall_ns,
                         struct udp_visit *visit)
{
    ASSERT(access != NULL);
    enum error error = access_recall(access, signer->secret, wall_ns, &visit->key);
    return error != OK ? error : access_allows(access, visit->key, ACCESS_WRITE, NULL);
}

static enum error check_signature(const struct udp_rules *rules, const struct listener_rules *listener,
                                  struct digest_scratch *scratch, const struct udp_arrival *arrival,
                                  const struct udp_signer **signer, struct udp_visit *visit)
{
    if (!udp_trailer_is_there(arrival->bytes)) {
        return ERROR_BAD_SIGNATURE;
    }
    const struct udp_trailer trailer = udp_trailer_of(arrival->bytes);
    const struct udp_moment moment = { arrival->wall_ns, rules->window_ns };
    visit->payload = trailer.payload;
    *signer = signer_of(rules, listener, trailer.key_id);
    return *signer == NULL ? ERROR_BAD_SIGNATURE
                           : udp_signer_check(*signer, scratch, &trailer, &moment, &visit->forgot);
}

enum error udp_rules_judge(const struct udp_rules *rules, const struct access *access, struct digest_scratch *scratch,
                           const struct udp_arrival *arrival, struct udp_visit *visit)
{
    ASSERT_BELOW(arrival->listener, rules->count);
    const struct listener_rules *listener = &rules->listeners[arrival->listener];
    const struct udp_signer *signer;
    *visit = (struct udp_visit){ .payload = arrival->bytes };
    if (listener->allow.count != 0 && !address_ranges_hold(&listener->allow, arrival->address)) {
        return ERROR_ADDRESS_NOT_ALLOWED;
    }
    if (listener->signer_count == 0) {
        return udp_trailer_is_there(arrival->bytes) ? ERROR_SIGNATURE_UNEXPECTED : OK;
    }
    enum error error = check_signature(rules, listener, scratch, arrival, &signer, visit);
    return error != OK ? error : recall(access, signer, arrival->wall_ns, visit);
}
