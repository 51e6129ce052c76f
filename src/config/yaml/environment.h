/* The variables of the environment that are options: each wins over the file, whether or not the file mentions it. One
 * that is empty counts as unset. Of one that holds a secret, NAME_FILE may name a file instead (secret.h). The table is declared once; the reading of options, docs/configuration.md and the look
 * for slips follow from it. */
#pragma once

#include "base/bytes.h"

struct environment_option {
    const char *variable;
    const char *path; /* of the option, as messages have it: "http.listen" */
};

extern const struct environment_option environment_options[];
extern const size_t environment_option_count;

/* The variable of the option at `path`; NULL: it has none. */
const char *environment_variable(const char *path);

/* Appends a line for each of `variables` ("NAME=value", NULL at the end) that begins with SLUICE_ and means nothing: no
 * option is called so, and `file`, the text of the configuration, does not mention it. The line names the nearest one
 * that would mean something. What Kubernetes sets for a Service called "sluice" is none. */
void environment_unknown(char *const *variables, struct slice file, struct buf *out);
