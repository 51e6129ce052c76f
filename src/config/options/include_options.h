/* Options: a file whose sections a configuration takes over (config/include.h). See options.h. */
#pragma once

#include "config/options/string_list.h"

struct include_options {
    int line; /* in `file`, for messages */
    const char *file;
    const char *path;   /* as it is written: relative to the folder of the file that includes it */
    const char *prefix; /* of the paths that it serves; "" */
    const char *names;  /* what the names of its items begin with; "" */
    struct string_list hosts;
};
