/* JSON Schema (as OpenAPI 3.1 has it) of what a stream takes, and an event that it would accept. */
#pragma once

#include "base/bytes.h"

struct stream;

/* What stands in front of a stream's name for its schema without `required`: of routes whose events have other sources than the
 * body. */
#define OPENAPI_PART_OF "part_of_"

/* Writes the schema of one event as the value of `key`; `whole`: with what is required. */
void openapi_schema_event(struct buf *out, const char *key, const struct stream *stream, bool whole);

/* "required":[…] of the members that each event has to bring, but for those that `elsewhere` says come from other sources than
 * the body; nothing if there are none. */
void openapi_schema_required(struct buf *out, const struct stream *stream,
                             bool (*elsewhere)(const void *context, struct slice member), const void *context);

/* The schema of the column that the member `path` of an event becomes ("a.b"); a string if there is none. */
void openapi_schema_member(struct buf *out, const char *key, const struct stream *stream, struct slice path);

/* An event with all that is required, as the value of `key`. `now_wall_ns` is what its times say. */
void openapi_schema_example(struct buf *out, const char *key, const struct stream *stream, int64_t now_wall_ns);
