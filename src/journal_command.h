/* The commands on a data folder: sluice journal ls|cat|verify DATA_FOLDER. Read only, no lock: they work beside a
 * running gateway. */
#pragma once

/* argv[0] is "journal". Returns the exit code: 0 good, 1 damage found, 2 usage. */
int journal_command(int argc, char **argv);
