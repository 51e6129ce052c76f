/* The command `sluice tail`: what a gateway refuses and a sample of what it accepts, a line each, as it happens. */
#pragma once

#include "command/command.h"

/* Exit code: 0 as many as were asked for; 1 no gateway answers; 2 usage or configuration; 3 what answers does not show them. */
extern const struct command tail_command;
