/* The options of who may come in: keys. */
#include "config/tables/sections.h"

#include "config/options/access_options.h"
#include "config/tables/rows.h"

static const char *const scopes[] = { "write", "read", "admin", NULL }; /* enum access_scope */

/* clang-format off */
/*    key                 type and place                                       default             min      max       help */
static const struct option key_rows[] = {
    { "name",             STRING(key_options, name),                           NULL,               "1",     NULL,
      "What the key is called: in `/metrics`, and in columns with `fill: key_name`. Up to 64 visible characters of ASCII.",
      .required = true },
    { "sha256",           STRING(key_options, sha256),                         "",                 NULL,    NULL,
      "The SHA-256 of the key's text, in hex, as `sluice key new` prints it. The key itself stands nowhere.", .secret = true },
    { "scopes",           SET(key_options, scopes),                            NULL,               NULL,    NULL,
      "What the key is for. `write`: to send events. `read`: /events/metrics, `queries`, /openapi.json, /swagger, / and /demo. `admin`: "
      "/metrics, /status, /health and /readyz?verbose.", .required = true, .names = scopes },
    { "streams",          STRINGS(key_options, streams),                       "",                 NULL,    NULL,
      "The streams that it may write; empty: all." },
    { "origins",          STRINGS(key_options, origins),                       "",                 NULL,    NULL,
      "The web pages that may use it, as `http.cors_origins` has them, where they must be, too. It is taken from nobody else. Empty: from "
      "any page, and from what is no page." },
    { "subject",          STRING(key_options, subject),                        "",                 NULL,    NULL,
      "Whoever proves to own a client's certificate with this subject (`CN=shop,O=Example`, as RFC 2253 writes it) has this key." },
    { "expires",          STRING(key_options, expires),                        "",                 NULL,    NULL,
      "When it ends: `2027-01-31` or `2027-01-31T12:00:00Z`. Empty: never." },
    { "rate",             GROUP(key_options, rate),                            NULL,               NULL,    NULL,
      "How much may be sent with it, as `limits.all` has it; with none of its rates those of `limits.key`.", .table = &rate_table },
    { "disabled",         BOOL(key_options, disabled),                         "false",            NULL,    NULL,
      "Whoever shows it is refused, and told why." },
};
/* clang-format on */

const struct option_table key_table = TABLE(key_rows);
