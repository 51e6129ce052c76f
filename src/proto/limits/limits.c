/* Turns rates into buckets, and what is sent into what is left of them. */
#include "proto/limits/limits.h"

#include <stdlib.h>

struct limits {
    bool off;
};

struct limits *limits_new(const struct limits_options *options, size_t key_count)
{
    struct limits *limits = calloc(1, sizeof *limits);
    (void)options, (void)key_count;
    if (limits != NULL) {
        limits->off = true;
    }
    return limits;
}

void limits_free(struct limits *limits)
{
    free(limits);
}

bool limits_are_off(const struct limits *limits)
{
    return limits->off;
}

enum error limits_take(struct limits *limits, const struct visitor *visitor, const struct spending *spending,
                       int64_t now_ns, struct limit_state *state)
{
    (void)limits, (void)visitor, (void)spending, (void)now_ns;
    if (state != NULL) {
        *state = (struct limit_state){ 0 };
    }
    return OK;
}

void limits_charge(struct limits *limits, const struct visitor *visitor, const struct spending *spending,
                   int64_t now_ns)
{
    (void)limits, (void)visitor, (void)spending, (void)now_ns;
}
