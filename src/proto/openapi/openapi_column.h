/* The schema of a column's values as clients write them, and a value that it takes. */
#pragma once

#include "base/bytes.h"

#include <stdint.h>

struct column_spec;
struct type;

/* The members of a schema of a value of this type, without limits: "type":…,"format":… */
void openapi_schema_type(struct buf *out, const struct type *type);

/* The members of a schema. `item`: of one item of an Array, as paths through arrays give them. */
void openapi_column_schema(struct buf *out, const struct column_spec *spec, bool item);

void openapi_column_example(struct buf *out, const struct column_spec *spec, bool item, int64_t now_wall_ns);
