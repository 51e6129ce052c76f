/* The command `sluice healthcheck`: asks a gateway's /readyz, or /livez, and says in one line what it answered. For containers, which
 * have no curl. */
#pragma once

#include "command/command.h"

/* Exit code: 0 it is ready (alive), 1 all else, usage too: Docker keeps 2 to itself. */
extern const struct command healthcheck_command;
