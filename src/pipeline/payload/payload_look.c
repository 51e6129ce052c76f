/* Turns a text that is to be one event into what it looks like instead. */
#include "pipeline/payload/payload_look.h"

#include "pipeline/json/json_items.h"

const char *payload_look(struct slice text, struct slice items)
{
    struct slice array;
    uint64_t count;
    if (text.len != 0 && text.data[0] == '[') {
        return "an array";
    }
    if (text.len != 0 && text.data[0] == '\x1e') {
        return "a sequence";
    }
    if (json_items_values(text, &count)) {
        return memchr(text.data, '\n', text.len) != NULL ? "lines of objects" : "objects one behind the other";
    }
    return json_items_member(text, items, &array) ? "an envelope" : NULL;
}
