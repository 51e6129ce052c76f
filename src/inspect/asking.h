/* The options that all commands share which ask a gateway: where it is, and what they show it. Without --url it is looked for where the
 * configuration says, on this machine; the certificate is not looked at there, for its names are the world's. */
#pragma once

#include "inspect/configured.h"
#include "remote/remote.h"

/* Rows of a command's options (command/command.h); asking_take takes their letters. */
#define ASKING_OPTIONS                                                                                                 \
    {                                                                                                                  \
        .name = "config", .value = "FILE", .help = "the configuration, which says where the gateway is", .letter = 'c' \
    },                                                                                                                 \
        { .name = "url",                                                                                               \
          .value = "URL",                                                                                              \
          .help = "the gateway's address, instead of the configuration's",                                             \
          .letter = 'U' },                                                                                             \
        { .name = "key-file",                                                                                          \
          .value = "FILE",                                                                                             \
          .help = "a key with the scope admin, where one is asked for; or the variable SLUICE_KEY",                    \
          .letter = 'K' },                                                                                             \
        { .name = "ca-file",                                                                                           \
          .value = "FILE",                                                                                             \
          .help = "who may have signed the certificate of an https:// URL; else whom the system trusts",               \
          .letter = 'A' },                                                                                             \
        { .name = "certificate",                                                                                       \
          .value = "FILE",                                                                                             \
          .help = "a certificate of our own, where the gateway asks for one",                                          \
          .letter = 'C' },                                                                                             \
    {                                                                                                                  \
        .name = "certificate-key", .value = "FILE", .help = "its key, if it is in another file", .letter = 'P'         \
    }

/* Zeroed, then asking_take, then asking_begin; asking_end either way. */
struct asking {
    const char *config;
    const char *url;
    const char *key_file;
    const char *ca_file;
    const char *certificate;
    const char *private_key;
    struct buf url_text;
    struct buf key_text;
    struct configured configured; /* empty: it was not loaded */
    struct remote remote;
};

/* Is it one of ASKING_OPTIONS? */
bool asking_take(struct asking *asking, int option, const char *value);

/* Loads the configuration if there is no --url, and fills `remote`. False with *problem. */
MUST_CHECK bool asking_begin(struct asking *asking, struct buf *problem);
void asking_end(struct asking *asking);

/* "sluice NAME: PROBLEM" on stderr. Returns 2, the exit code of usage and configuration. */
int asking_complain(const char *command, struct buf *problem);
