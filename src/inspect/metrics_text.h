/* Reads a page of metrics in Prometheus' text format, version 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats):
 * NAME{LABEL="VALUE",…} NUMBER, a line each; lines of '#' are left out. Pure; made for pages of strangers, too. */
#pragma once

#include "base/bytes.h"

struct metrics_sample {
    struct slice name;
    struct slice labels; /* between the braces; empty: none */
    double value;        /* NaN and infinities are 0 */
};

/* Cuts the next sample off *rest; what makes no sense is left out. False: there is no more. */
bool metrics_text_next(struct slice *rest, struct metrics_sample *sample);

/* The value of a label, with its escapes undone, replaces *value; false: it is not there, or longer than memory has room for. */
bool metrics_text_label(struct slice labels, struct slice name, struct buf *value);
