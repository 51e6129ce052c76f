/* Options: rejected input that is kept (pipeline/rejects). See options.h. */
#pragma once

#include "config/options/string_list.h"

#include <stdint.h>

enum rejects_personal { PERSONAL_CUT, PERSONAL_KEEP };

struct rejects_options {
    uint64_t keep_bytes; /* of all files; 0: nothing is kept */
    int64_t sample;      /* millionths of the refusals */
    enum rejects_personal personal;
    struct string_list
        hide; /* fields and members that are cut, beside those that are personal by their name or value */
    struct string_list show; /* those that are kept all the same */
};
