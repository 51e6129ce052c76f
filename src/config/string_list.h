/* Options: a list of texts of an option. See options.h. */
#pragma once

#include <stddef.h>

struct string_list {
    const char **items;
    size_t count;
};
