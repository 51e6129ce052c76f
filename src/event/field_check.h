/* Which options may stand beside which type, and beside each other. Private to field.c. */
#pragma once

#include "base/bytes.h"

struct column_spec;
struct field_options;

/* Appends "line: field: why" to the problems; false. */
bool PRINTF_LIKE(3, 4) field_refuse(const struct field_options *options, struct buf *problems, const char *why, ...);

/* The column has its type. False: the problems say which option is out of place. */
MUST_CHECK bool field_check(const struct column_spec *spec, const struct field_options *options, struct buf *problems);
