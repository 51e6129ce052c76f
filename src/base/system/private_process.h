/* What a process does so that other users of the machine learn nothing from it. */
#pragma once

#include "base/bytes.h"

#include <stdbool.h>

/* What it makes on disk from now on is for its own user alone: folders 0700, files 0600. Before any file is made. */
void private_files(void);

/* Its memory holds events, keys and passwords: it writes no core, and none but root may look into it (ptrace, /proc/PID/mem,
 * /proc/PID/environ). False: the kernel does not do that; errno says why. */
MUST_CHECK bool private_memory(void);

/* As it was before private_memory. */
void private_memory_end(void);
