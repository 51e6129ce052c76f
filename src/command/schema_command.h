/* The command `sluice schema print [--config FILE] [--replicated] [--on-cluster NAME] [--server VERSION] [STREAM…]`: the
 * CREATE TABLE of each stream on stdout, as the gateway itself would send it. A store that is a server is asked for its
 * version; an embedded one is not opened. */
#pragma once

/* argv[0] is "schema". Returns the exit code: 0 good, 1 the server lacks a type or the result could not be written, 2 usage
 * or configuration. */
int schema_command(int argc, char **argv);
