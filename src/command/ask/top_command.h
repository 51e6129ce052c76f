/* The command `sluice top`: a view of a gateway that fills the terminal and is drawn anew each second. */
#pragma once

#include "command/command.h"

/* Exit code: 0; 2 usage or configuration. Without a terminal, what is drawn once is printed, and the code is that of `sluice status`. */
extern const struct command top_command;
