/* The problem documents of each kind of operation, as components/responses. Private to this room. */
#pragma once

#include "proto/openapi/openapi_operation.h"

/* The statuses of problems that this kind of operation may be answered with, ascending; at most 64. Returns how many. */
size_t openapi_error_statuses(enum openapi_kind kind, int statuses[64]);

bool openapi_has_errors(enum openapi_kind kind, int status);

/* "application/problem+json":{…}, with an example of each code. */
void openapi_write_problem_content(enum openapi_kind kind, int status, struct buf *out);

/* A reference to the component. */
void openapi_write_problem_reference(enum openapi_kind kind, int status, struct buf *out);

/* All components, as members of an object. */
void openapi_write_problem_components(struct buf *out);
