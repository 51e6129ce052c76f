/* Fills option structs from YAML nodes, as the option tables say. */
#pragma once

#include "config/option_problem.h"
#include "config/tables/option_table.h"

struct node;

/* `target` is the table's struct, zeroed; `path` names it in messages, "" for the file itself. Every option that the
 * node does not give has its default afterwards. A NULL node gives nothing; `line` is where that is reported. */
void option_read_group(struct option_reader *reader, const struct node *node, int line, const char *path,
                       const struct option_table *table, void *target);

/* The row of a key; NULL: there is none. */
const struct option *option_find(const struct option_table *table, struct slice key);

/* One option of the struct `target`, which `node` gives. */
void option_read(struct option_reader *reader, const struct option *option, const struct node *node, const char *path,
                 void *target);
