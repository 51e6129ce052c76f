/* Turns a name into the text that a request has for it. */
#include "proto/answer/request_texts.h"

#include "pipeline/payload/request_values.h"
#include "proto/front/captures.h"
#include "proto/front/page.h"
#include "proto/http_syntax/http_parse.h"

/* Longer names of arguments are nobody's. */
#define NAME_MAX_LENGTH 255

static const struct slice nothing = { NULL, 0 };

static struct slice argument(struct slice query, struct slice name, struct buf *space)
{
    char text[NAME_MAX_LENGTH + 1];
    bool malformed;
    if (name.len > NAME_MAX_LENGTH) {
        return nothing;
    }
    memcpy(text, name.data, name.len);
    text[name.len] = '\0';
    bool given = page_argument(query, text, space, &malformed);
    return given && !malformed && !space->failed ? slice_make(space->len != 0 ? space->data : "", space->len) : nothing;
}

/* RFC 6265, 5.4: the first of this name. Quotes around it are a part of it. */
static struct slice cookie_in(struct slice field, struct slice name)
{
    struct slice pair, key;
    while (slice_split(&field, ';', &pair)) {
        struct slice value = slice_trim(pair);
        if (slice_split(&value, '=', &key) && value.data != NULL && slice_equal(slice_trim(key), name)) {
            return slice_trim(value);
        }
    }
    return nothing;
}

static struct slice cookie(struct slice fields, struct slice name)
{
    struct slice field, value, found = nothing;
    while (found.data == NULL && http_next_field(&fields, &field, &value)) {
        found = slice_equal_nocase(field, SLICE("cookie")) ? cookie_in(value, name) : nothing;
    }
    return found;
}

struct slice request_member(const struct request_values *values, struct slice name)
{
    struct slice found = nothing;
    for (size_t i = 0; i < values->count; i++) {
        const struct request_value *value = &values->items[i];
        if (value->form == VALUE_OF_TEXT && slice_equal(value->key, name)) {
            found = slice_make(value->text.data != NULL ? value->text.data : "", value->text.len);
        }
    }
    return found;
}

struct slice request_text(const struct request_texts *from, struct slice name, struct buf *space)
{
    struct slice rest = name, kind;
    bool dotted = memchr(name.data, '.', name.len) != NULL && slice_split(&rest, '.', &kind);
    if (dotted && slice_equal(kind, SLICE("query"))) {
        return argument(from->request->query, rest, space);
    }
    if (dotted && slice_equal(kind, SLICE("path"))) {
        return captures_find(from->captures, rest);
    }
    if (dotted && slice_equal(kind, SLICE("cookie"))) {
        return cookie(from->request->fields, rest);
    }
    return nothing;
}

bool request_came_over_https(const struct http_request *request)
{
    struct slice fields = request->fields, field, value, last = nothing;
    while (http_next_field(&fields, &field, &value)) {
        if (slice_equal_nocase(field, SLICE("x-forwarded-proto"))) {
            while (slice_split(&value, ',', &last)) {
            }
        }
    }
    return slice_equal_nocase(slice_trim(last), SLICE("https"));
}
