/* What all that read options share, and how they say what is wrong: problems are gathered, one line each,
 * "file:line: key: found …, expected …". */
#pragma once

#include "base/bytes.h"

struct config_memory;

struct option_reader {
    const char *file;                        /* for messages */
    const char *(*lookup)(const char *name); /* resolves ${NAME} */
    struct config_memory *memory;            /* owns what is stored in the structs */
    struct buf *problems;
};

/* One line in *problems; `line` 0 stands for the file as a whole. */
void option_problem(struct option_reader *reader, int line, const char *path, const char *format, ...)
    PRINTF_LIKE(4, 5);
