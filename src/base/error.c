/* Turns an error's number into the row of the table. */
#include "base/error.h"

static const struct error_info table[ERROR_COUNT] = {
#define X(name, code, fate, http, close, text) [name] = { code, FATE_##fate, http, close, text },
    ERROR_LIST(X)
#undef X
};

const struct error_info *error_info(enum error error)
{
    return &table[error < ERROR_COUNT ? error : ERROR_INTERNAL];
}
