/* The command `sluice report`: the state of the store and the lag of the gateway, for who keeps them running. */
#pragma once

#include "command/command.h"

/* Exit code: 0; 2 usage or configuration; 3 something could not be looked at. */
extern const struct command report_command;
