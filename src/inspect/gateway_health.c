/* Turns /health into the states of parts. */
#include "inspect/gateway_health.h"

#include "base/assert.h"
#include "base/plain_text.h"
#include "pipeline/json/json.h"

#include <stdlib.h>

/* The value of a member, an empty text if it is no text or not there. */
static struct slice text_of(const struct json_document *document, json_at object, const char *name)
{
    for (json_at key = json_first(object); !json_at_end(document, key); key = json_skip(document, key + 1)) {
        if (slice_equal(json_string(document, key), slice_from_string(name))) {
            return json_type(document, key + 1) == '"' ? json_string(document, key + 1) : SLICE("");
        }
    }
    return SLICE("");
}

/* What is neither is the worst. */
static enum part_level level_of(struct slice word)
{
    return slice_equal(word, SLICE("ok")) ? PART_OK : slice_equal(word, SLICE("degraded")) ? PART_DEGRADED : PART_DOWN;
}

static void read_part(const struct json_document *document, json_at object, struct part_state *part)
{
    part->level = level_of(text_of(document, object, "status"));
    plain_text_copy(text_of(document, object, "name"), part->name, sizeof part->name);
    plain_text_copy(text_of(document, object, "since"), part->since, sizeof part->since);
    plain_text_copy(text_of(document, object, "reason"), part->reason, sizeof part->reason);
}

static bool read_parts(struct gateway_health *health, const struct json_document *document, json_at array)
{
    health->parts = calloc(json_count(document, array) + 1, sizeof *health->parts);
    if (health->parts == NULL) {
        return false;
    }
    for (json_at at = json_first(array); !json_at_end(document, at); at = json_skip(document, at)) {
        if (json_type(document, at) == '{') {
            read_part(document, at, &health->parts[health->count++]);
        }
    }
    ASSERT_AT_MOST(health->count, json_count(document, array));
    return true;
}

bool gateway_health_read(struct gateway_health *health, struct json_parser *parser, struct buf *page)
{
    struct json_document document;
    gateway_health_release(health);
    if (!buf_reserve(page, JSON_PADDING) || json_parse(parser, buf_slice(page), &document) != OK ||
        json_type(&document, JSON_ROOT) != '{') {
        return false;
    }
    health->worst = level_of(text_of(&document, JSON_ROOT, "status"));
    for (json_at key = json_first(JSON_ROOT); !json_at_end(&document, key); key = json_skip(&document, key + 1)) {
        if (slice_equal(json_string(&document, key), SLICE("parts")) && json_type(&document, key + 1) == '[') {
            return read_parts(health, &document, key + 1);
        }
    }
    return false;
}

void gateway_health_release(struct gateway_health *health)
{
    free(health->parts);
    *health = (struct gateway_health){ 0 };
}
