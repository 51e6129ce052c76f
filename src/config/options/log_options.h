/* Options: what is logged, and how. See options.h. */
#pragma once

#include "base/log.h"

#include <stdbool.h>

struct log_options {
    enum log_level level;
    enum log_format format;
    bool core_dumps;
};
