/* `sluice dead-letters list|retry|drop DATA_FOLDER [SEGMENT…]`: what the tables refused, for people. Without the
 * lock, so that it works beside a running gateway and without one; killed at any moment it loses nothing
 * (letter_files.h).
 *
 *   list   a line a segment: when, stream, table, rows, bytes, code, name, reason; then the sums
 *   retry  gives them back to delivery: a running gateway takes them within seconds, else the next start does
 *   drop   deletes them and says how many rows; all of them only with --all
 *
 * Without a SEGMENT, list and retry mean all. Exit code: 0; 1: a segment is damaged or not there, or the folder
 * cannot be read or written; 2: usage. */
#pragma once

#include "command/command.h"

extern const struct command dead_letters_command;
