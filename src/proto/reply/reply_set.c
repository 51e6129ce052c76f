/* Turns an entry of `replies` into the reply of each outcome. */
#include "proto/reply/reply_private.h"

#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const outcome_names[] = {
    [REPLY_ANY] = "any",         [REPLY_ACCEPTED] = "accepted",
    [REPLY_STORED] = "stored",   [REPLY_DUPLICATE] = "duplicate",
    [REPLY_PARTIAL] = "partial", [REPLY_REJECTED] = "rejected",
    [REPLY_REFUSED] = "refused", [REPLY_FULL] = "full",
    [REPLY_FOUND] = "found",     [REPLY_MISSING] = "missing",
    [REPLY_OK] = "ok",           [REPLY_FAILED] = "failed",
};
_Static_assert(ARRAY_LENGTH(outcome_names) == REPLY_OUTCOMES, "each outcome has its name");

static bool is_given(const struct reply_outcome_options *options)
{
    return options->status != 0 || options->json != NULL || options->text != NULL || options->empty || options->gif ||
           options->problem || options->redirect != NULL || options->allow_hosts.count != 0 ||
           options->otherwise != NULL || options->content_type != NULL || options->headers.count != 0 ||
           options->cookie_count != 0;
}

static bool has_name(const struct reply_set *set, struct slice name)
{
    for (size_t i = 0; i < set->name_count; i++) {
        if (slice_equal(set->names[i], name)) {
            return true;
        }
    }
    return false;
}

/* False: there are too many. */
static bool add_names(struct reply_set *set, const struct template *template)
{
    size_t at = 0;
    struct slice name;
    while (template != NULL && template_next_name(template, &at, &name)) {
        if (has_name(set, name)) {
            continue;
        }
        if (set->name_count == REPLY_NAMES_MAX) {
            return false;
        }
        set->names[set->name_count++] = name;
    }
    return true;
}

static bool add_names_of(struct reply_set *set, const struct reply *reply)
{
    bool good = add_names(set, reply->body) && add_names(set, reply->target);
    for (size_t i = 0; i < reply->options->headers.count; i++) {
        good = good && add_names(set, reply->fields[i].value);
    }
    for (size_t i = 0; i < reply->options->cookie_count; i++) {
        good = good && add_names(set, reply->cookies[i].value);
    }
    return good;
}

/* NULL, and a problem. */
static struct reply *compile_outcome(struct reply_set *set, enum reply_outcome outcome, struct reply_compiler *compiler)
{
    snprintf(compiler->path, sizeof compiler->path, "replies.%s.%s", compiler->set->name, outcome_names[outcome]);
    struct reply *reply = reply_compile(compiler, &compiler->set->outcomes[outcome]);
    if (reply != NULL && !add_names_of(set, reply)) {
        buf_printf(compiler->problems,
                   "%s:%d: %s: found more than %d different placeholders in this reply, expected fewer\n",
                   compiler->set->file, compiler->set->line, compiler->path, REPLY_NAMES_MAX);
        reply_free(reply);
        return NULL;
    }
    return reply;
}

struct reply_set *reply_set_compile(const struct reply_options *options, template_knows *knows, const void *context,
                                    struct buf *problems)
{
    struct reply_set *set = calloc(1, sizeof *set);
    bool good = set != NULL;
    for (size_t i = 0; set != NULL && i < REPLY_OUTCOMES; i++) {
        if (is_given(&options->outcomes[i])) {
            struct reply_compiler compiler = { options, "", knows, context, problems };
            set->outcomes[i] = compile_outcome(set, (enum reply_outcome)i, &compiler);
            good = good && set->outcomes[i] != NULL;
        }
    }
    if (!good) {
        reply_set_free(set);
        return NULL;
    }
    return set;
}

void reply_set_free(struct reply_set *set)
{
    for (size_t i = 0; set != NULL && i < REPLY_OUTCOMES; i++) {
        reply_free(set->outcomes[i]);
    }
    free(set);
}

static bool is_accepted_too(enum reply_outcome outcome)
{
    return outcome == REPLY_STORED || outcome == REPLY_DUPLICATE || outcome == REPLY_PARTIAL;
}

const struct reply *reply_set_find(const struct reply_set *set, enum reply_outcome outcome)
{
    ASSERT(outcome < REPLY_OUTCOMES);
    const struct reply *reply = set->outcomes[outcome];
    if (reply == NULL && is_accepted_too(outcome)) {
        reply = set->outcomes[REPLY_ACCEPTED];
    }
    reply = reply != NULL ? reply : set->outcomes[REPLY_ANY];
    return reply == NULL || reply->options->problem ? NULL : reply;
}

const struct slice *reply_set_names(const struct reply_set *set, size_t *count)
{
    *count = set->name_count;
    return set->names;
}

bool reply_hides_refusal(const struct reply *reply, enum reply_outcome outcome, int status)
{
    switch (outcome) {
    case REPLY_PARTIAL: return !reply->tells;
    case REPLY_REJECTED:
    case REPLY_REFUSED:
    case REPLY_FULL: return status < 400;
    default: return false;
    }
}
