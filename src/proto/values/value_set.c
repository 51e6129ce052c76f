/* Turns values that are found into a list of them. */
#include "proto/values/value_set.h"

#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

#define TEXT_KEPT ((size_t)64 << 10)

struct value_set *value_set_new(void)
{
    struct value_set *set = calloc(1, sizeof *set);
    if (set != NULL) {
        event_id_generator_init(&set->ids);
    }
    return set;
}

void value_set_free(struct value_set *set)
{
    if (set != NULL) {
        buf_release(&set->text);
        buf_release(&set->detail);
        free(set);
    }
}

void value_set_begin(struct value_set *set, size_t longest, size_t form)
{
    buf_shed(&set->text, TEXT_KEPT);
    buf_clear(&set->text);
    buf_clear(&set->detail);
    set->count = set->of_form = set->bytes = 0;
    set->error = buf_reserve(&set->text, 3 * VALUES_BYTES + 2 * longest + form) ? OK : ERROR_OUT_OF_MEMORY;
}

void value_set_fail(struct value_set *set, enum error error, const char *why, ...)
{
    char text[256];
    va_list arguments;
    if (set->error != OK) {
        return;
    }
    va_start(arguments, why);
    vsnprintf(text, sizeof text, why, arguments);
    va_end(arguments);
    set->error = error;
    buf_append_string(&set->detail, text);
}

static void add(struct value_set *set, const struct request_value *value)
{
    ASSERT_BELOW(set->count, ARRAY_LENGTH(set->items));
    set->items[set->count++] = *value;
}

void value_set_add(struct value_set *set, const struct request_value *value)
{
    set->bytes += value->key.len + value->text.len;
    if (set->count - set->of_form == VALUES_MAX) {
        value_set_fail(set, ERROR_BAD_ARGUMENT, "the request has more than %d values for an event", VALUES_MAX);
    } else if (set->bytes > VALUES_BYTES) {
        value_set_fail(set, ERROR_BAD_ARGUMENT,
                       "the values of the request take more than %zu bytes; send them in the body", VALUES_BYTES);
    }
    if (set->error == OK) {
        add(set, value);
    }
}

void value_set_add_of_form(struct value_set *set, const struct request_value *value)
{
    if (set->of_form == VALUES_FORM_MAX) {
        value_set_fail(set, ERROR_BAD_ARGUMENT, "the form has more than %d fields", VALUES_FORM_MAX);
    }
    if (set->error == OK) {
        set->of_form++;
        add(set, value);
    }
}
