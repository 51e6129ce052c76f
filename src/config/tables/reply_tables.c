/* The options of replies. */
#include "config/tables/sections.h"

#include "config/options/reply_options.h"
#include "config/tables/rows.h"

static const char *const same_sites[] = { [SAME_SITE_NONE_SAID] = "unsaid",
                                          [SAME_SITE_LAX] = "lax",
                                          [SAME_SITE_STRICT] = "strict",
                                          [SAME_SITE_NONE] = "none",
                                          NULL };
static const char *const secures[] = {
    [SECURE_AUTO] = "auto", [SECURE_ALWAYS] = "always", [SECURE_NEVER] = "never", NULL
};

/* clang-format off */
/*    key                 type and place                                       default             min      max       help */
static const struct option cookie_rows[] = {
    { "name",             STRING(reply_cookie_options, name),                  NULL,               "1",     NULL,
      "Its name.", .required = true },
    { "value",            STRING(reply_cookie_options, value),                 NULL,               NULL,    NULL,
      "A template: `\"{vid}\"`. What no cookie may hold is percent-encoded.", .required = true },
    { "max_age",          DURATION(reply_cookie_options, max_age_ns),          "0s",               NULL,    "400d",
      "How long a browser keeps it, in whole seconds; browsers cut what is longer than 400 days. 0: until it is closed." },
    { "domain",           STRING(reply_cookie_options, domain),                "host",             "1",     NULL,
      "Who gets it back: `host` (the host of the request alone), `registrable` (all hosts of its site: of `www.a.co.uk` "
      "`a.co.uk`, by the public suffix list), or a domain that the hosts of the request are in." },
    { "path",             STRING(reply_cookie_options, path),                  "/",                "1",     NULL,
      "The paths that get it back." },
    { "same_site",        ENUM(reply_cookie_options, same_site),               "unsaid",           NULL,    NULL,
      "Whether requests from other sites get it back; `none` needs `secure`.", .names = same_sites },
    { "secure",           ENUM(reply_cookie_options, secure),                  "auto",             NULL,    NULL,
      "Over HTTPS alone. `auto`: if this request came so, as a trusted proxy says by `X-Forwarded-Proto`.", .names = secures },
    { "http_only",        BOOL(reply_cookie_options, http_only),               "false",            NULL,    NULL,
      "Scripts cannot read it." },
};

static const struct option_table cookie_table = TABLE(cookie_rows);

static const struct option outcome_rows[] = {
    { "status",           INTEGER(reply_outcome_options, status),              "0",                NULL,    "599",
      "200 to 599; without it the usual one of what happened." },
    { "json",             STRING(reply_outcome_options, json),                 NULL,               NULL,    NULL,
      "The body: JSON with placeholders. One within quotes is escaped, one outside of them is written as JSON.", .any_text = true },
    { "text",             STRING(reply_outcome_options, text),                 NULL,               NULL,    NULL,
      "The body: a text with placeholders.", .any_text = true },
    { "empty",            BOOL(reply_outcome_options, empty),                  "false",            NULL,    NULL,
      "No body." },
    { "gif",              BOOL(reply_outcome_options, gif),                    "false",            NULL,    NULL,
      "A transparent image of one pixel, which no cache keeps unless `headers` says so." },
    { "problem",          BOOL(reply_outcome_options, problem),                "false",            NULL,    NULL,
      "The usual answer, as without this reply: where `any` has another." },
    { "redirect",         STRING(reply_outcome_options, redirect),             NULL,               "1",     NULL,
      "Where to, a template. A value may choose the host only among `allow_hosts`; behind the host values are percent-encoded." },
    { "allow_hosts",      STRINGS(reply_outcome_options, allow_hosts),         "",                 NULL,    NULL,
      "The hosts that values may redirect to: `a.example`, `*.a.example`, `a.example:8443`, `a.example:*`. Paths of this "
      "host are always allowed." },
    { "else",             STRING(reply_outcome_options, otherwise),            NULL,               "1",     NULL,
      "Where to go if the target is not allowed, or missing. Without it: 400." },
    { "content_type",     STRING(reply_outcome_options, content_type),         NULL,               "1",     NULL,
      "Without it that of the body." },
    { "headers",          PAIRS(reply_outcome_options, headers),               NULL,               NULL,    NULL,
      "`{ name: value }`; values are templates." },
    { "cookies",          LIST(reply_outcome_options, cookies, cookie_count, reply_cookie_options), NULL, NULL, "16",
      "Cookies that are set.", .table = &cookie_table },
};

static const struct option_table outcome_table = TABLE(outcome_rows);

#define OUTCOME(key, outcome, help)                                                                                    \
    { key, GROUP(reply_options, outcomes[outcome]), NULL, NULL, NULL, help, .table = &outcome_table }

static const struct option reply_rows[] = {
    INHERITED_SCOPE(reply_options),
    { "name",             NAME(reply_options, name),                           NULL,               "1",     NULL,
      "What routes and queries call it.", .required = true },
    OUTCOME("any",       REPLY_ANY,       "For all that have none of their own."),
    OUTCOME("accepted",  REPLY_ACCEPTED,  "All events are in the journal."),
    OUTCOME("stored",    REPLY_STORED,    "All are in the store (`ack: stored`); without it as `accepted`."),
    OUTCOME("duplicate", REPLY_DUPLICATE, "All were there before; without it as `accepted`."),
    OUTCOME("partial",   REPLY_PARTIAL,   "Some were taken, some rejected; without it as `accepted`."),
    OUTCOME("rejected",  REPLY_REJECTED,  "All events were rejected for what they are; or the arguments of a query."),
    OUTCOME("refused",   REPLY_REFUSED,   "The request as a whole was: no JSON, too large, an unknown stream."),
    OUTCOME("full",      REPLY_FULL,      "No room, or the gateway starts or stops: the client should try again."),
    OUTCOME("found",     REPLY_FOUND,     "A lookup has the key."),
    OUTCOME("missing",   REPLY_MISSING,   "A lookup does not have the key."),
    OUTCOME("ok",        REPLY_OK,        "A query has its answer."),
    OUTCOME("failed",    REPLY_FAILED,    "The store did not answer a query, or with an error."),
};

static const struct option query_reply_rows[] = {
    { "name",             NAME(reply_options, name),                           NULL,               "1",     NULL,
      "An entry of `replies`; nothing else may stand beside it. `reply: NAME` is short for it." },
    OUTCOME("any",       REPLY_ANY,       "For all that have none of their own."),
    OUTCOME("ok",        REPLY_OK,        "The query has its answer."),
    OUTCOME("missing",   REPLY_MISSING,   "None of its statements has a row; without it as `ok`."),
    OUTCOME("rejected",  REPLY_REJECTED,  "A parameter was refused."),
    OUTCOME("full",      REPLY_FULL,      "Too many queries wait, or the gateway starts or stops; without it as `failed`."),
    OUTCOME("failed",    REPLY_FAILED,    "The store did not answer, or with an error."),
};
/* clang-format on */

const struct option_table reply_table = TABLE(reply_rows);
const struct option_table query_reply_table = SHORT_TABLE(query_reply_rows, "name");
