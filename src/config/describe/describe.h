/* The options of the configuration as people read of them. */
#pragma once

#include "base/bytes.h"

/* The table of options as Markdown, for docs/configuration.md. */
void config_describe(struct buf *out);
