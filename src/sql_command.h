/* The command `sluice sql [--config FILE] [--format FORMAT] STATEMENT`: one statement to the configured store, its
 * result on stdout. The embedded store belongs to one process: while a gateway serves from its data folder the command
 * says so. */
#pragma once

/* argv[0] is "sql". Returns the exit code: 0 good, 1 the store said no or the result could not be written, 2 usage or
 * configuration. */
int sql_command(int argc, char **argv);
