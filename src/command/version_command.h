/* The command `sluice version`, and `sluice --version`: which program this is, of which source, with which libraries. */
#pragma once

#include "command/command.h"

extern const struct command version_command;
