/* Turns a host's name into its registrable part, as libpsl's own copy of the list has it. */
#include "proto/reply/registrable.h"

#include "proto/front/host_pattern.h"

#include <libpsl.h>

static bool is_address(struct slice host)
{
    for (size_t i = host.len; i != 0 && host.data[i - 1] != '.'; i--) {
        if (host.data[i - 1] < '0' || host.data[i - 1] > '9') {
            return false;
        }
    }
    return true; /* its last label is a number, or there is none */
}

struct slice registrable_domain(struct slice host, struct buf *space)
{
    host = host_without_port(host);
    buf_clear(space);
    if (!host_are_labels(host) || is_address(host)) {
        return SLICE("");
    }
    for (size_t i = 0; i < host.len; i++) {
        char c = host.data[i];
        buf_append_byte(space, (uint8_t)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c));
    }
    const char *name = buf_c_string(space);
    const char *domain = name != NULL ? psl_registrable_domain(psl_builtin(), name) : NULL;
    return domain != NULL ? slice_from_string(domain) : SLICE("");
}
