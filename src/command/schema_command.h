/* The command `sluice schema print [--config FILE] [--replicated] [--on-cluster NAME] [--server VERSION] [STREAM…]`: the
 * CREATE TABLE of each stream on stdout, as the gateway itself would send it. A store that is a server is asked for its
 * version; an embedded one is not opened. */
#pragma once

#include "command/command.h"

extern const struct command schema_command;
