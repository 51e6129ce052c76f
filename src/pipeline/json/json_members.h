/* Which members of an object count: of equal keys the last. */
#pragma once

#include "pipeline/json/json.h"

/* Objects of more members use a table to find equal keys. */
#define JSON_FEW_MEMBERS 24

struct json_members {
    json_at few[JSON_FEW_MEMBERS];
    json_at *many; /* a table by hash, 0: free; NULL: `few` is used */
    size_t slots;
    size_t count;
    bool has_twins;
};

/* False: memory is short; there is nothing to release then. */
MUST_CHECK bool json_members_init(struct json_members *members, const struct json_document *document, json_at object);
void json_members_release(struct json_members *members);

/* The rare part of json_members_has. */
bool json_members_search(const struct json_members *members, const struct json_document *document, json_at key);

static inline bool json_members_has(const struct json_members *members, const struct json_document *document,
                                    json_at key)
{
    return !members->has_twins || json_members_search(members, document, key);
}
