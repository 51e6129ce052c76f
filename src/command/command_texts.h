/* What people read of the commands: `sluice --help` and `sluice help COMMAND`. */
#pragma once

#include "command/command.h"

/* All of them, a line each. */
void command_texts_list(const struct command_table *table, struct buf *out);

/* One: its forms, verbs, options and paragraphs, in lines of at most 80 columns. */
void command_texts_help(const struct command *command, struct buf *out);
