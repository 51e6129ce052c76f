/* The command `sluice status`: whether a gateway is up, how its parts are, and what its streams do now. */
#pragma once

#include "command/command.h"

struct remote;

/* Exit code: 0 healthy; 1 it is not, or it is not up; 2 usage or configuration; 3 not known: what answers does not show these pages. */
extern const struct command status_command;

/* The same as `sluice status` without options: prints, and returns the exit code. */
int status_print_once(const struct remote *remote);
