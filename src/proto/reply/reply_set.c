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

struct reply_set *reply_set_compile(const struct reply_options *options, template_knows *knows, const void *context,
                                    struct buf *problems)
{
    struct reply_set *set = calloc(1, sizeof *set);
    bool good = set != NULL;
    for (size_t i = 0; set != NULL && i < REPLY_OUTCOMES; i++) {
        if (is_given(&options->outcomes[i])) {
            struct reply_compiler compiler = { options, "", knows, context, problems };
            snprintf(compiler.path, sizeof compiler.path, "replies.%s.%s", options->name, outcome_names[i]);
            set->outcomes[i] = reply_compile(&compiler, &options->outcomes[i]);
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

static void visit_template(const struct template *template, void (*visit)(void *context, struct slice name),
                           void *context)
{
    size_t at = 0;
    struct slice name;
    while (template != NULL && template_next_name(template, &at, &name)) {
        visit(context, name);
    }
}

void reply_set_visit_names(const struct reply_set *set, void (*visit)(void *context, struct slice name), void *context)
{
    for (size_t i = 0; i < REPLY_OUTCOMES; i++) {
        const struct reply *reply = set->outcomes[i];
        if (reply == NULL) {
            continue;
        }
        visit_template(reply->body, visit, context);
        visit_template(reply->target, visit, context);
        for (size_t k = 0; k < reply->options->headers.count; k++) {
            visit_template(reply->fields[k].value, visit, context);
        }
        for (size_t k = 0; k < reply->options->cookie_count; k++) {
            visit_template(reply->cookies[k].value, visit, context);
        }
    }
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
