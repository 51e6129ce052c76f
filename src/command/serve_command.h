/* The command `sluice [serve] [--config FILE] [--check] [--example]`: a gateway that runs until it is told to stop. */
#pragma once

#include "command/command.h"

extern const struct command serve_command;
