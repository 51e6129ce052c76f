/* The embedded engine's own configuration (store.engine_config): disks, storage policies, backups, logs of queries. The engine
 * reads it; here it is only looked at before that, for the engine itself says little of what is wrong. */
#pragma once

#include "base/bytes.h"

/* Can the file be read, and is it XML of one root element (by its name ending in .xml), or a YAML mapping (.yaml, .yml)?
 * False with a line in *problem. */
MUST_CHECK bool engine_config_check(const char *path, struct buf *problem);

/* Does each element of the XML end, and is there one around all? *line: where it does not. Pure. */
MUST_CHECK bool engine_config_is_xml(struct slice text, int *line);
