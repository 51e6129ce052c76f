/* The names of parts of the schema in the text of an error, each where ClickHouse puts it and no value of a row can. Slices of
 * the text; no data: none. Pure. */
#pragma once

#include "base/bytes.h"

/* The view that the error came from: at the end. */
struct slice answer_view(const char *message);

/* The column whose conversion failed: at the end. */
struct slice answer_column(const char *message);

/* The constraint that was violated: at the beginning. */
struct slice answer_constraint(const char *message);

/* The name of the code, which servers since 20.x put into parentheses at the end; else empty. */
struct slice answer_code_name(const char *message);
