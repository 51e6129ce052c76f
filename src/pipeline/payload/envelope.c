/* Turns the members of a payload's object into what stands around its events. */
#include "pipeline/payload/envelope.h"

static bool is_named(struct slice key, struct slice name)
{
    return key.len == name.len && memcmp(key.data, name.data, name.len) == 0;
}

struct envelope envelope_read(const struct envelope_names *names, bool many, bool picks,
                              const struct json_document *document)
{
    struct envelope envelope = { .stream = { "", 0 } };
    char root = json_type(document, JSON_ROOT);
    if (root == '[') {
        envelope.items = many ? JSON_ROOT : 0;
    }
    if (root != '{' || !(many || picks)) {
        return envelope;
    }
    for (json_at m = json_first(JSON_ROOT); !json_at_end(document, m); m = json_skip(document, m + 1)) {
        struct slice key = json_string(document, m);
        char type = json_type(document, m + 1);
        if (type == '"' && picks && is_named(key, names->stream)) {
            envelope.stream = json_string(document, m + 1);
        } else if (type == '[' && many && envelope.items == 0 && is_named(key, names->items)) {
            envelope.items = m + 1;
        } else if (is_named(key, names->sent_at)) {
            envelope.sent_at = m + 1;
        }
    }
    return envelope;
}
