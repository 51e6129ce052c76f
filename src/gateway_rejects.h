/* What is kept of rejected input, as a part of the gateway. Private to the gateway. */
#pragma once

#include "base/bytes.h"

struct gateway;

/* Behind the pipeline, before the doors. */
MUST_CHECK bool gateway_rejects_start(struct gateway *gateway, struct buf *problem);
void gateway_rejects_tick(struct gateway *gateway);

/* The doors are closed: before the pipeline stops, and after it. */
void gateway_rejects_stop(struct gateway *gateway);
void gateway_rejects_free(struct gateway *gateway);
