/* Puts two documents of one shape into one, as the option tables say. */
#pragma once

#include "config/yaml/document.h"

struct option_reader;

struct merge {
    struct option_reader *reader; /* for problems */
    struct config_memory *nodes;
    const struct node_file *own; /* what it says wins; two others that say different things are a problem */
};

/* The sections of both; of lists that are joined the items of `first` come first. Either may be NULL, and so is what is told
 * when memory is short. */
const struct node *merge_roots(const struct merge *merge, const struct node *first, const struct node *second);
