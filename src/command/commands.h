/* The table of all commands of `sluice`, in the order in which they are told of. `sluice` without a command is `sluice serve`.
 * A new command: a file NAME_command.c that ends with its `struct command`, and a line in commands.c. */
#pragma once

#include "command/command.h"

extern const struct command_table commands;

/* The manual page of this name, "sluice" or "sluice.yaml". */
void commands_manual(const char *name, struct buf *out);
