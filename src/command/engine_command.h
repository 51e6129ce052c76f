/* The command `sluice engine install|status`: the engine of the embedded store (libchdb), which no package carries. It is fetched by
 * scripts/fetch-libchdb, which the packages install beside the folder that it goes into, and which knows its checksum. */
#pragma once

#include "command/command.h"

extern const struct command engine_command;
