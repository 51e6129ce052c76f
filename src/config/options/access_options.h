/* Options: keys, and what those may do who have one (proto/access). See options.h. */
#pragma once

#include "config/options/access_scope.h"
#include "config/options/limits_options.h"
#include "config/options/string_list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ACCESS_KEYS_MAX 10000 /* as the tables of options have it, too */

struct key_options {
    int line; /* in the configuration file or the file of keys, for messages */
    const char *file;
    const char *name;
    const char *sha256;         /* of the whole text of the key, in hex; "": it is a certificate's alone */
    unsigned scopes;            /* of enum access_scope */
    struct string_list streams; /* empty: all */
    struct string_list origins; /* as proto/front/origins.h; empty: any, and none */
    const char *subject;        /* of a client's certificate that stands for the key, as RFC 2253 writes it; "": none */
    const char *expires;        /* ISO 8601; "": never */
    bool disabled;
    struct rate_options rate; /* without any: `limits.key` */
};
