/* Joins a configuration with the files that it includes.
 *
 * What a file says itself wins over what it includes. Lists of the sections that presets are made of (streams, routes,
 * queries, …; `joined` in the tables) are joined, its own items first. Two included files that say different things of one
 * option are a problem that names both places, unless the file that includes them says it itself. */
#pragma once

#include "config/option_read.h"
#include "config/yaml/document.h"

/* Files that one includes, which include others: so deep at most. */
#define INCLUDE_DEPTH 8

/* *root, of a file that the reader reads, becomes the whole; its `include` stays. Nodes live in `nodes`. `text` gets what all
 * the files say, for environment_unknown. False: problems were told. */
MUST_CHECK bool include_join(struct option_reader *reader, struct config_memory *nodes, const struct node **root,
                             struct buf *text);

/* Appends a whole file of at most `limit` bytes; else a line in *problems. */
#define INCLUDE_FILE_LIMIT (1024 * 1024)
MUST_CHECK bool include_read_file(const char *path, size_t limit, struct buf *text, struct buf *problems);

/* The path as seen from the folder of the file that says it; NULL: memory is short. */
const char *include_beside(struct config_memory *memory, const char *file, const char *path);
