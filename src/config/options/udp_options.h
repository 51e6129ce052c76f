/* Options: the UDP front end (proto/udp). See options.h. */
#pragma once

#include "config/options/string_list.h"

#include <stdint.h>

struct udp_listener_options {
    int line; /* in the configuration file, for messages */
    const char *file;
    const char *listen;       /* as http.listen; "off": none */
    const char *stream;       /* "": the first */
    struct string_list allow; /* addresses and networks; empty: all */
    struct string_list hmac;  /* names of keys that sign what comes; empty: it is not signed */
};

struct udp_options {
    int64_t threads;         /* of each listener */
    uint64_t receive_buffer; /* of each socket, in the kernel */
    uint64_t max_decompressed_bytes;
    int64_t hmac_window_ns;
    uint64_t hmac_remembered; /* signatures of each key */
    struct udp_listener_options *listeners;
    size_t listener_count;
};
