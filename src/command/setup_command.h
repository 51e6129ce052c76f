/* The command `sluice setup [--config FILE]`: runs the files of `setup` on each server, and nothing else. */
#pragma once

#include "command/command.h"

extern const struct command setup_command;
