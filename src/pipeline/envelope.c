/* Turns the members of a payload's object into what stands around its events. */
#include "pipeline/envelope.h"

#include "pipeline/pipeline.h"

static bool is_named(struct slice key, const char name[static 6])
{
    return memcmp(key.data, name, key.len) == 0;
}

struct envelope envelope_read(const struct payload *payload, const struct json_document *document)
{
    struct envelope envelope = { .stream = { "", 0 } };
    bool many = payload->form != PAYLOAD_ONE;
    char root = json_type(document, JSON_ROOT);
    if (root == '[') {
        envelope.events = many ? JSON_ROOT : 0;
    }
    if (root != '{' || !(many || payload->pick_stream)) {
        return envelope;
    }
    for (json_at m = json_first(JSON_ROOT); !json_at_end(document, m); m = json_skip(document, m + 1)) {
        struct slice key = json_string(document, m);
        char type = json_type(document, m + 1);
        if (key.len == 6 && type == '"' && payload->pick_stream && is_named(key, "stream")) {
            envelope.stream = json_string(document, m + 1);
        } else if (key.len == 6 && type == '[' && many && envelope.events == 0 && is_named(key, "events")) {
            envelope.events = m + 1;
        } else if (key.len == 7 && is_named(key, "sent_at")) {
            envelope.sent_at = m + 1;
        }
    }
    return envelope;
}
