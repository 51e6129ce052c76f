/* Options: the journal (pipeline/journal). See options.h. */
#pragma once

#include <stdint.h>

enum durability { DURABILITY_FSYNC, DURABILITY_OS, DURABILITY_MEMORY };

struct journal_options {
    const char *data; /* the data folder */
    enum durability durability;
    uint64_t max_bytes; /* of all segments; of one stream's: its max_journal_bytes */
    uint64_t min_free;  /* bytes free on its file system */
    uint64_t max_dead_letter_bytes;
};
