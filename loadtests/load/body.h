/* Turns a template and a count into the bytes of one request, message or datagram, and gives its events their numbers. */
#pragma once

#include "numbers.h"
#include "template.h"

enum body_shape { BODY_ARRAY, BODY_NDJSON, BODY_OBJECT, BODY_BARE };

struct body {
    const struct template *template;
    enum body_shape shape; /* BODY_BARE: one event, nothing around it */
    size_t events;
};

size_t body_length(const struct body *body);

/* Writes body_length bytes; the numbers are still to come. */
void body_write(const struct body *body, char *at);

/* Gives each event the next number; the place in the order of sending of the first. */
uint64_t body_number(const struct body *body, char *at, struct numbers *numbers);
