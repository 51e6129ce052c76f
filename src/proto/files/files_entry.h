/* One entry of `files`: its path, its open folder. Private to static_files. */
#pragma once

#include "base/bytes.h"

struct files_options;
struct static_files;

struct files_entry {
    const struct files_options *options;
    struct static_files *files;
    int folder;         /* open, O_PATH; -1: not */
    char *pattern;      /* of its page: "/docs/{file...}" */
    size_t base_length; /* of the path before the slash: "/docs"; 0: "/{file...}" */
    char cache_control[48];
};

/* The length of "/docs" for "/docs/{file...}", "/docs/" and "/docs"; false: it is none of these. */
MUST_CHECK bool files_entry_path(struct slice path, size_t *base_length);

/* Appends the folder as it is to be opened: a relative one is beside the file that names it. */
void files_entry_folder(const struct files_options *options, struct buf *out);

/* As static_files_check. */
MUST_CHECK bool files_entries_check(const struct files_options *options, size_t count, struct buf *problems);

/* False with *problem. */
MUST_CHECK bool files_entry_open(struct files_entry *entry, const struct files_options *options, struct buf *problem);
void files_entry_close(struct files_entry *entry);

/* With the prefix that stands before it. */
size_t files_entry_base(const struct files_entry *entry);
