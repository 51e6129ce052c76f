/* Fields of a request that show who sends (credential/credential.h). What stores or repeats fields leaves them out. */
#pragma once

#include "base/bytes.h"

/* Is a field of this name one of them? */
bool http_field_shows_key(struct slice name);
