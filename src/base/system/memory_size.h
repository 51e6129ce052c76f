/* How much memory this process may use: that of the machine, or less if a control group bounds it. */
#pragma once

#include <stdint.h>

/* Bytes; looked at anew with each call. Groups of version 2 (proc(5), cgroups(7): memory.max of each group from the
 * process's own up), and of version 1 as a container sees its own. */
uint64_t memory_size(void);

/* The same of files below `root` ("" is the system's), with `physical` bytes in the machine. */
uint64_t memory_size_below(const char *root, uint64_t physical);
