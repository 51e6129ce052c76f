/* Turns a template and a count into a body, and patches its numbers in place. */
#include "body.h"

static const struct {
    struct slice before, after;
    char between;
} shapes[] = {
    [BODY_ARRAY] = { { "[", 1 }, { "]", 1 }, ',' },
    [BODY_NDJSON] = { { "", 0 }, { "", 0 }, '\n' },
    [BODY_OBJECT] = { { "{\"events\":[", 11 }, { "]}", 2 }, ',' },
    [BODY_BARE] = { { "", 0 }, { "", 0 }, ',' },
};

static size_t stride(const struct body *body)
{
    return body->template->text.len + 1;
}

size_t body_length(const struct body *body)
{
    return shapes[body->shape].before.len + body->events * stride(body) - 1 + shapes[body->shape].after.len;
}

void body_write(const struct body *body, char *at)
{
    struct slice before = shapes[body->shape].before, after = shapes[body->shape].after;
    memcpy(at, before.data, before.len);
    at += before.len;
    for (size_t i = 0; i < body->events; i++) {
        if (i != 0) {
            *at++ = shapes[body->shape].between;
        }
        memcpy(at, body->template->text.data, body->template->text.len);
        at += body->template->text.len;
    }
    memcpy(at, after.data, after.len);
}

uint64_t body_number(const struct body *body, char *at, struct numbers *numbers)
{
    uint64_t first = numbers->given;
    char *event = at + shapes[body->shape].before.len;
    for (size_t i = 0; i < body->events; i++, event += stride(body)) {
        load_template_number(body->template, event, numbers_at(numbers, numbers->given++));
    }
    return first;
}
