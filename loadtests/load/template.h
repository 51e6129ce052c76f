/* Turns a template, an event with placeholders, into text of fixed length whose placeholders are patched in place:
 *
 *     ${number}      12 digits: the event's number
 *     ${time}        13 digits: Unix milliseconds
 *     ${random:N}    N digits, at most 18
 *     ${hex:N}       N hex digits, at most 64
 *     ${pick:a|b|c}  one of the words, all of the same length
 *
 * All of them follow from the number alone: the same number is the same event, in every process of a day. */
#pragma once

#include "base/bytes.h"

#define TEMPLATE_PATCHES_MAX 64
#define TEMPLATE_NUMBER_DIGITS 12
#define TEMPLATE_TIME_DIGITS 13

/* Of the default stream, 187 bytes. */
extern const struct slice load_template_default;

struct template_patch {
    void (*put)(const struct template_patch *patch, char *at, uint64_t number);
    size_t at; /* in the text */
    size_t width;
    uint64_t range;    /* random values are below it: 10^N, or the count of words */
    uint64_t seed;     /* tells placeholders of the same kind apart */
    const char *words; /* width + 1 bytes each */
    int64_t base_ms;   /* the time of number 0 */
};

/* Invariant: each patch lies within the text, and no two of them overlap. */
struct template
{
    char *source;
    struct buf text; /* of one event, on one line */
    struct template_patch patches[TEMPLATE_PATCHES_MAX];
    size_t patch_count;
    bool has_number;
};

/* `now_ms` is any Unix time of the day. False: the problem says what is wrong with it. */
MUST_CHECK bool load_template_compile(struct template *template, struct slice source, int64_t now_ms,
                                      struct buf *problem);

void load_template_release(struct template *template);

/* Makes the copy of the text at `event` the event of that number. */
static inline void load_template_number(const struct template *template, char *event, uint64_t number)
{
    for (size_t i = 0; i < template->patch_count; i++) {
        const struct template_patch *patch = &template->patches[i];
        patch->put(patch, event + patch->at, number);
    }
}
