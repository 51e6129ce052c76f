/* The responses of an operation. Private to this room. */
#pragma once

#include "proto/openapi/openapi_operation.h"

struct openapi_source;

/* "responses":{…}, the last member of an operation. */
void openapi_write_responses(const struct openapi_source *source, const struct openapi_operation *operation,
                             struct buf *out);

/* "schemas" of the components that answers refer to, as members of an object. */
void openapi_write_answer_schemas(struct buf *out);
