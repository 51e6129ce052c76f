/* Turns the options, and the names of members, into what is cut. */
#include "rejects/reject_rules.h"

#include "base/assert.h"
#include "config/options/stream_options.h"
#include "event/personal.h"
#include "event/stream.h"

#include <stdlib.h>

static bool copy_names(struct reject_rules *rules, const struct string_list *list, size_t from)
{
    for (size_t i = 0; i < list->count; i++) {
        rules->names[from + i] = strdup(list->items[i]);
        if (rules->names[from + i] == NULL) {
            return false;
        }
    }
    return true;
}

bool reject_rules_init(struct reject_rules *rules, const struct rejects_options *options)
{
    *rules = (struct reject_rules){ .personal = options->personal,
                                    .hide_count = options->hide.count,
                                    .show_count = options->show.count };
    rules->names = calloc(rules->hide_count + rules->show_count + 1, sizeof *rules->names);
    return rules->names != NULL && copy_names(rules, &options->hide, 0) &&
           copy_names(rules, &options->show, rules->hide_count);
}

void reject_rules_release(struct reject_rules *rules)
{
    for (size_t i = 0; rules->names != NULL && i < rules->hide_count + rules->show_count; i++) {
        free(rules->names[i]);
    }
    free(rules->names);
    *rules = (struct reject_rules){ 0 };
}

bool reject_rules_keep(const struct stream *stream)
{
    return stream == NULL || stream->options->rejects != STREAM_REJECTS_OFF;
}

bool reject_rules_cut(const struct reject_rules *rules, const struct stream *stream)
{
    enum stream_rejects own = stream == NULL ? STREAM_REJECTS_AS_CONFIGURED : stream->options->rejects;
    return own == STREAM_REJECTS_AS_CONFIGURED ? rules->personal == PERSONAL_CUT : own == STREAM_REJECTS_CUT;
}

static bool is_among(char *const *names, size_t count, struct slice name)
{
    for (size_t i = 0; name.len != 0 && i < count; i++) {
        if (slice_equal(slice_from_string(names[i]), name)) {
            return true;
        }
    }
    return false;
}

enum reject_named reject_rules_judge(const struct reject_rules *rules, struct slice key, struct slice path,
                                     const char *column)
{
    ASSERT(rules->names != NULL && column != NULL);
    const struct slice names[] = { path, key, slice_from_string(column) };
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        if (is_among(rules->names, rules->hide_count, names[i])) {
            return NAMED_PERSONAL;
        }
        if (is_among(rules->names + rules->hide_count, rules->show_count, names[i])) {
            return NAMED_SHOWN;
        }
    }
    bool personal = personal_name(key) || (column[0] != '\0' && personal_name(slice_from_string(column)));
    return personal ? NAMED_PERSONAL : NAMED_NOTHING;
}
