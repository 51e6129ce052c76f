/* The keys of session tickets (RFC 5077, 4): shared by all listeners and threads of a process, so that a client may resume
 * wherever it comes; and renewed, so that a key which leaks opens little. Any thread. */
#pragma once

#include "base/bytes.h"

#include <openssl/ssl.h>

/* How long a session may be resumed. A key makes tickets for half as long, and opens them until the last has ended. */
#define TICKET_LIFE_SECONDS 7200
#define TICKET_NAME_SIZE 16

struct ticket_keys;

/* NULL: memory is short, or there is no randomness. */
struct ticket_keys *ticket_keys_new(int64_t now_ns);
void ticket_keys_free(struct ticket_keys *keys);

/* From now and then: a new key, when it is time. */
void ticket_keys_turn(struct ticket_keys *keys, int64_t now_ns);

/* For SSL_CTX_set_tlsext_ticket_key_evp_cb: seals with the newest key, opens with any that is left, -1: an error, 0: the
 * ticket is of no key, 2: it is opened, and the client should get a new one. */
int ticket_keys_use(struct ticket_keys *keys, unsigned char name[TICKET_NAME_SIZE], unsigned char iv[EVP_MAX_IV_LENGTH],
                    EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int sealing);
