/* Options: folders of files that are served (proto/files). See options.h. */
#pragma once

#include "config/options/string_list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One entry of `files`. */
struct files_options {
    int line;
    const char *file;
    const char *path;   /* "/docs" or "/docs/{file...}" */
    const char *folder; /* relative: to the folder of `file` */
    const char *index;  /* the file that stands for a folder; "": none does */
    int64_t cache_ns;   /* how long a client may keep a file without asking; 0: it asks */
    uint64_t max_bytes; /* of a file */
    struct string_pairs headers;
    struct string_list host; /* patterns: proto/front/host_pattern.h; empty: included_hosts */
    const char *prefix;      /* stands before `path`; "" */
    struct string_list included_hosts;
};
