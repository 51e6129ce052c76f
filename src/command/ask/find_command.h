/* The command `sluice find ID`: where an event is, by its id: in the journal, among the dead letters, in its table, or nowhere. Works
 * beside a running gateway and without one. */
#pragma once

#include "command/command.h"

/* Exit code: 0 it was found; 1 it is in none of these places, all of which were looked at; 2 usage or configuration; 3 it was not found, and
 * something could not be looked at. */
extern const struct command find_command;
