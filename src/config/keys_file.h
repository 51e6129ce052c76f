/* Keys that lie in a file of their own. */
#pragma once

#include <stddef.h>

struct key_options;
struct option_reader;

struct key_list {
    struct key_options *keys;
    size_t count;
};

/* Appends the keys of the file `path` ("": there is none), which is beside that of the reader, to *list; a problem each of what is
 * wrong, in whichever file it is. */
void settle_keys(struct option_reader *reader, const char *path, struct key_list *list);
