/* Fills option structs from YAML nodes, as the option tables say.
 *
 * Problems are gathered, one line each: "file:line: key: found …, expected …". */
#pragma once

#include "base/bytes.h"
#include "config/tables/option_table.h"

struct node;

struct option_reader {
    const char *file;                        /* for messages */
    const char *(*lookup)(const char *name); /* resolves ${NAME} */
    struct config_memory *memory;            /* owns what is stored in the structs */
    struct buf *problems;
};

/* `target` is the table's struct, zeroed; `path` names it in messages, "" for the file itself. Every option that the
 * node does not give has its default afterwards. A NULL node gives nothing; `line` is where that is reported. */
void option_read_group(struct option_reader *reader, const struct node *node, int line, const char *path,
                       const struct option_table *table, void *target);

/* The row of a key; NULL: there is none. */
const struct option *option_find(const struct option_table *table, struct slice key);

/* One option of the struct `target`, which `node` gives. */
void option_read(struct option_reader *reader, const struct option *option, const struct node *node, const char *path,
                 void *target);

/* One line in *problems; `line` 0 stands for the file as a whole. */
void option_problem(struct option_reader *reader, int line, const char *path, const char *format, ...)
    PRINTF_LIKE(4, 5);
