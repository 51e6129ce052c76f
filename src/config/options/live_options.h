/* Options: the live page (proto/live). See options.h. */
#pragma once

#include "config/options/string_list.h"

#include <stdbool.h>
#include <stdint.h>

struct live_options {
    bool enabled;
    int64_t viewers;         /* at the same time, at most */
    int64_t tail_per_second; /* events that are shown, of the accepted and of the refused each; 0: none */
    struct string_list hide; /* fields that are not shown, beside those that are personal by their name or their use */
    struct string_list show; /* fields that are shown all the same */
};
