/* What a request says of itself beside its events, for the columns that it fills. Slices into the request, or copies of them:
 * whoever hands it on keeps them alive. Bytes as they came: not always UTF-8. */
#pragma once

#include "base/bytes.h"

struct request_fields {
    struct slice host; /* that the client called, with its port */
    struct slice referer;
    struct slice accept_language;
    struct slice key_name; /* of the key that was shown; empty: none */
};
