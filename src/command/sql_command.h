/* The command `sluice sql [--config FILE] [--format FORMAT] [--write] STATEMENT`: one statement to the configured store, its
 * result on stdout. The engine in process belongs to one process: a gateway that serves from the data folder is asked over
 * the folder's socket, and runs it; without one the command opens the engine itself. Ctrl-C cancels.
 *
 * The engine in process changes nothing without --write (chdb_statement.h). A server asks its own rights of its user. */
#pragma once

#include "command/command.h"

extern const struct command sql_command;
