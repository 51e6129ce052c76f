/* Options: what is logged, and how. See options.h. */
#pragma once

#include "base/log.h"

struct log_options {
    enum log_level level;
    enum log_format format;
};
