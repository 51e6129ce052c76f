/* What people read of the commands: `sluice --help`, `sluice help COMMAND`, docs/commands.md and sluice(1). */
#pragma once

#include "command/command.h"

/* All of them, a line each. */
void command_texts_list(const struct command_table *table, struct buf *out);

/* One: its forms, verbs, options and paragraphs, in lines of at most 80 columns. */
void command_texts_help(const struct command *command, struct buf *out);

/* All of them as a page of Markdown, of which the manual page is made as well (man_page.h). */
void command_texts_page(const struct command_table *table, struct buf *out);
