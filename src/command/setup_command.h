/* The command `sluice setup [--config FILE]`: runs the files of `setup` on each server, and nothing else. */
#pragma once

/* argv[0] is "setup". Returns the exit code: 0 all statements went through, 1 one did not, 2 usage or configuration. */
int setup_command(int argc, char **argv);
