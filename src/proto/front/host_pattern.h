/* Names of hosts as configurations list them: exact, or with "*." in front for one label or more. Pure. */
#pragma once

#include "base/bytes.h"

/* One label or more with dots between them; letters of both cases, digits, '-' and '_'. */
bool host_are_labels(struct slice text);

/* "a.example:80" without its port; a whole IPv6 address in brackets stays. */
struct slice host_without_port(struct slice host);

/* Without case. The first "*" of the pattern stands for one label or more; what is around it must be equal. */
bool host_pattern_matches(struct slice pattern, struct slice text);
