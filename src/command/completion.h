/* Completions of shells, made of the table of commands: the commands, their verbs and options, files and folders where they are
 * expected. */
#pragma once

#include "command/command.h"

void completion_bash(const struct command_table *table, struct buf *out);
void completion_zsh(const struct command_table *table, struct buf *out);
