/* Looks at a gateway from outside, again and again: its numbers now and at the look before, and the states of its parts. */
#pragma once

#include "inspect/gateway_health.h"
#include "inspect/gateway_numbers.h"

struct json_parser;
struct remote;
struct remote_reply;

#define LOOK_PROBLEM_MAX 640

enum look_fate {
    LOOK_SEEN,
    LOOK_NOT_UP, /* nothing answers at the address */
    LOOK_REFUSED /* something answers, and does not show these pages: no key, another program, another address of the gateway */
};

struct gateway_look {
    struct json_parser *parser;
    struct remote_reply *reply;    /* of the last question */
    struct gateway_numbers before; /* at_ns 0: there was no look before */
    struct gateway_numbers now;
    struct gateway_health health;
    enum look_fate fate;            /* of the last look; the numbers are those of the last that was LOOK_SEEN */
    char problem[LOOK_PROBLEM_MAX]; /* plain text; "": it was seen */
};

/* False: memory is short. */
MUST_CHECK bool gateway_look_init(struct gateway_look *look);
void gateway_look_release(struct gateway_look *look);

/* May block for twice `timeout_ns`. `is_given_up` as in remote.h. Returns the fate. */
enum look_fate gateway_look_again(struct gateway_look *look, const struct remote *remote, int64_t timeout_ns,
                                  bool (*is_given_up)(void *context), void *context);

/* What a reply that is not the page says, in one line: "answered 401: key_missing …". Plain text. */
void gateway_look_explain(const struct remote *remote, const struct remote_reply *reply, char *out, size_t size);
