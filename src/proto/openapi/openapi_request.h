/* What a request of an operation may bring. Private to this room. */
#pragma once

#include "proto/openapi/openapi_operation.h"

struct openapi_source;

/* "parameters":[…], if there are any. `path`: of the operation whose path is the key; its captures name those of this one. */
void openapi_write_parameters(const struct openapi_source *source, const struct openapi_operation *operation,
                              const struct openapi_operation *path, struct buf *out);

/* "requestBody":{…}, of operations that take events. */
void openapi_write_body(const struct openapi_source *source, const struct openapi_operation *operation,
                        struct buf *out);
