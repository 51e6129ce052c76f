/* Turns randomness into the keys that seal tickets. */
#include "proto/tls/ticket_keys.h"

#include "base/assert.h"
#include "base/clock.h"

#include <openssl/core_names.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdlib.h>

#define KEYS 4 /* the newest, those of one TICKET_LIFE before it, and one for the time between two turns */
#define TURN_NS (TICKET_LIFE_SECONDS / 2 * NS_PER_SECOND)
#define SECRET_SIZE 32 /* AES-256, HMAC-SHA-256 */

struct ticket_key {
    unsigned char name[TICKET_NAME_SIZE];
    unsigned char seal[SECRET_SIZE];
    unsigned char mac[SECRET_SIZE];
};

struct ticket_keys {
    pthread_mutex_t mutex;
    struct ticket_key keys[KEYS]; /* the newest first */
    size_t count;
    int64_t turned_ns;
};

static bool add_key(struct ticket_keys *keys)
{
    struct ticket_key fresh;
    if (RAND_bytes(fresh.name, sizeof fresh.name) != 1 || RAND_priv_bytes(fresh.seal, sizeof fresh.seal) != 1 ||
        RAND_priv_bytes(fresh.mac, sizeof fresh.mac) != 1) {
        return false;
    }
    memmove(&keys->keys[1], &keys->keys[0], (KEYS - 1) * sizeof keys->keys[0]);
    keys->keys[0] = fresh;
    keys->count += keys->count < KEYS;
    OPENSSL_cleanse(&fresh, sizeof fresh);
    return true;
}

struct ticket_keys *ticket_keys_new(int64_t now_ns)
{
    struct ticket_keys *keys = calloc(1, sizeof *keys);
    if (keys != NULL && !add_key(keys)) {
        free(keys);
        return NULL;
    }
    if (keys != NULL) {
        keys->turned_ns = now_ns;
        pthread_mutex_init(&keys->mutex, NULL);
    }
    return keys;
}

void ticket_keys_free(struct ticket_keys *keys)
{
    if (keys != NULL) {
        pthread_mutex_destroy(&keys->mutex);
        OPENSSL_cleanse(keys->keys, sizeof keys->keys);
        free(keys);
    }
}

/* Without randomness the old key serves on. */
void ticket_keys_turn(struct ticket_keys *keys, int64_t now_ns)
{
    pthread_mutex_lock(&keys->mutex);
    if (now_ns - keys->turned_ns >= TURN_NS && add_key(keys)) {
        keys->turned_ns = now_ns;
    }
    ASSERT(keys->count != 0 && keys->count <= KEYS);
    pthread_mutex_unlock(&keys->mutex);
}

/* A copy, or false: there is none of this name. NULL: the newest. */
static bool find_key(struct ticket_keys *keys, const unsigned char *name, struct ticket_key *found, size_t *age)
{
    pthread_mutex_lock(&keys->mutex);
    size_t at = 0;
    while (name != NULL && at < keys->count && memcmp(keys->keys[at].name, name, TICKET_NAME_SIZE) != 0) {
        at++;
    }
    bool here = at < keys->count;
    if (here) {
        *found = keys->keys[at];
        *age = at;
    }
    pthread_mutex_unlock(&keys->mutex);
    return here;
}

static bool set_up(const struct ticket_key *key, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
                   bool sealing)
{
    struct ticket_key copy = *key; /* OSSL_PARAM takes no const */
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, copy.mac, sizeof copy.mac),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    bool good = EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, copy.seal, iv, sealing) == 1 &&
                EVP_MAC_CTX_set_params(mac, params) == 1;
    OPENSSL_cleanse(&copy, sizeof copy);
    return good;
}

int ticket_keys_use(struct ticket_keys *keys, unsigned char name[TICKET_NAME_SIZE], unsigned char iv[EVP_MAX_IV_LENGTH],
                    EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int sealing)
{
    struct ticket_key key;
    size_t age = 0;
    bool seal = sealing != 0;
    if (!find_key(keys, seal ? NULL : name, &key, &age)) {
        return 0;
    }
    if (seal) {
        memcpy(name, key.name, TICKET_NAME_SIZE);
    }
    bool good = (!seal || RAND_bytes(iv, EVP_MAX_IV_LENGTH) == 1) && set_up(&key, iv, cipher, mac, seal);
    OPENSSL_cleanse(&key, sizeof key);
    return !good ? -1 : age == 0 ? 1 : 2;
}
