/* Values of one request, gathered within bounds. One per thread, used by one request after the other. */
#pragma once

#include "event/event_id.h"
#include "pipeline/payload/request_values.h"

#define VALUES_MAX 64                  /* of a request line and its fields, */
#define VALUES_BYTES ((size_t)8 << 10) /* names and values together */
#define VALUES_FORM_MAX 256            /* beside them, of a form, whose size is its body's */
#define VALUES_LOOKED_AT 256           /* arguments, or cookies, of which most may be of no use */
#define VALUES_COOKIE_BYTES ((size_t)16 << 10)

/* Invariant: `text` has room for all that may still come, so that no slice into it moves. */
struct value_set {
    struct request_value items[VALUES_MAX + VALUES_FORM_MAX];
    size_t count;
    size_t of_form;
    size_t bytes; /* of those that are not of a form */
    struct buf text;
    struct buf detail; /* of `error` */
    enum error error;  /* sticky: nothing is added any more */
    struct event_id_generator ids;
    struct request_values values; /* once all are gathered */
};

struct value_set *value_set_new(void);
void value_set_free(struct value_set *set);

/* Empties it. `longest`: bytes of the longest text that is decoded into it; `form`: of a form's body. */
void value_set_begin(struct value_set *set, size_t longest, size_t form);

/* Texts are written to set->text first, and are taken back by value_set_undo if they are not used. */
static inline size_t value_set_mark(const struct value_set *set)
{
    return set->text.len;
}

static inline struct slice value_set_since(const struct value_set *set, size_t mark)
{
    return slice_make(set->text.data + mark, set->text.len - mark);
}

static inline void value_set_undo(struct value_set *set, size_t mark)
{
    set->text.len = mark;
}

/* Too many, or too long, is an error of the set. */
void value_set_add(struct value_set *set, const struct request_value *value);
void value_set_add_of_form(struct value_set *set, const struct request_value *value);

/* The first error stays. */
void value_set_fail(struct value_set *set, enum error error, const char *why, ...) PRINTF_LIKE(3, 4);
