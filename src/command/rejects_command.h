/* `sluice rejects list|show|retry|drop DATA_FOLDER`: input that was refused and kept (rejects/reject.h), for people. It reads the
 * files beside a running gateway. What changes them the gateway does (rejects/reject_order.h), or, where none runs, this command
 * with the lock of the folder; a retry then waits for the next start. Exit code: 0; 1: it could not be done; 2: usage. */
#pragma once

#include "command/command.h"

extern const struct command rejects_command;
