/* Turns what was taken of a refusal into its line: cut, or as it came. */
#pragma once

#include "base/bytes.h"

struct event_id;
struct reject_rules;
struct taken_reject;

struct reject_composer;

/* One per thread. NULL: memory is short. */
struct reject_composer *reject_composer_new(void);
void reject_composer_free(struct reject_composer *composer);

/* Appends the line. False: memory is short, and `out` is as before. `taken` is changed, and may be freed afterwards. */
MUST_CHECK bool reject_compose(struct reject_composer *composer, const struct reject_rules *rules,
                               struct taken_reject *taken, const struct event_id *id, struct buf *out);
