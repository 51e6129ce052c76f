/* Ids that clients give (`from` beside `fill: event_id`). Private to validate.c. */
#pragma once

#include "base/bytes.h"
#include "event/event_id.h"
#include "pipeline/json/json.h"

struct stream;
struct validator;

/* Behind the scan of an event. What stands in the place of an id and is none is noted as defaulted: it is stored nowhere,
 * unless a field reads it as well. */
void RARE client_id_take(struct validator *validator, const struct json_document *document,
                         const struct stream *stream);

/* The row's id becomes the one that was given, else `made`. Returns what the filter knows it by: another id, unless it was
 * made up. */
struct event_id RARE client_id_settle(struct validator *validator, struct event_id made, const struct stream *stream);
