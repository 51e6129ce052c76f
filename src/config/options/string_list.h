/* Options: lists and pairs of texts of an option. See options.h. */
#pragma once

#include <stddef.h>

struct string_list {
    const char **items;
    size_t count;
};

/* In the order of the file; no name is there twice. */
struct string_pairs {
    const char **names;
    const char **values;
    size_t count;
};
