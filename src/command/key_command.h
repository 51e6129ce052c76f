/* The command `sluice key new|check|list`: keys made, and told of. A key is printed once and stands nowhere else; one that is
 * checked is read from stdin, so that no list of processes and no history of a shell has it. */
#pragma once

#include "command/command.h"

extern const struct command key_command;
