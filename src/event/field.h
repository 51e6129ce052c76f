/* Compiles one field of a stream; private to stream.c. */
#pragma once

#include "base/bytes.h"

struct column_spec;
struct field_options;

/* Fills *spec from the options. Appends one line per problem ("line N: field: …"); false if there was any. The spec is
 * to be released either way. */
MUST_CHECK bool field_compile(struct column_spec *spec, const struct field_options *options, struct buf *problems);
void field_release(struct column_spec *spec);
