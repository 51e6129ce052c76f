/* The command `sluice key new|check|list`: keys made, and told of. A key is printed once and stands nowhere else; one that is
 * checked is read from stdin, so that no list of processes and no history of a shell has it. */
#pragma once

/* argv[0] is "key". Returns the exit code: 0 good, 1 the key may not be used, 2 usage or configuration. */
int key_command(int argc, char **argv);
