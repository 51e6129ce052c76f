/* Tells who sends several events to where one is taken. */
#include "event/path.h"
#include "pipeline/envelope.h"
#include "pipeline/json/json_items.h"
#include "pipeline/submit_private.h"

/* NULL: it looks like one. */
static const char *look_of(struct slice text)
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
    return json_items_member(text, SLICE("events"), &array) ? "an envelope" : NULL;
}

void submit_hint_at_many(struct submit *submit)
{
    struct buf *detail = &submit->submission->detail;
    const char *look = submit->payload->form == PAYLOAD_ONE ? look_of(submit->payload->bytes) : NULL;
    if (look != NULL) {
        buf_printf(detail, "%sthe payload is %s, and one event is taken here: use /events/bulk",
                   detail->len == 0 ? "" : "; ", look);
    }
}
