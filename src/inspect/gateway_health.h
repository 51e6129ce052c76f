/* What a gateway's /health says of its parts. Pure. */
#pragma once

#include "base/bytes.h"

#include <stddef.h>

struct json_parser;

#define PART_NAME_MAX 96

enum part_level { PART_OK, PART_DEGRADED, PART_DOWN };

struct part_state {
    char name[PART_NAME_MAX];
    enum part_level level;
    char since[32];
    char reason[512];
};

struct gateway_health {
    enum part_level worst; /* of the gateway, which may refuse events though no part is down */
    struct part_state *parts;
    size_t count;
};

/* `page` must have room for JSON_PADDING bytes behind it. False: memory is short, or this is no such page. */
MUST_CHECK bool gateway_health_read(struct gateway_health *health, struct json_parser *parser, struct buf *page);
void gateway_health_release(struct gateway_health *health);
