/* `sluice journal ls|cat|verify DATA_FOLDER`: looks at the segments of a data folder. Read only and without the lock,
 * so that it works while a gateway runs.
 *
 *   ls      one line a segment: stream, rows, bytes, age, name
 *   cat     every row as a line of JSON, oldest segment first
 *   verify  checks every frame of every segment
 *
 * Exit code: 0; 1: damage was found, or the folder cannot be read; 2: usage. */
#pragma once

#include "command/command.h"

extern const struct command journal_command;
