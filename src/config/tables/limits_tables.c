/* The options of what may be sent. */
#include "config/tables/sections.h"

#include "config/options/limits_options.h"
#include "config/tables/rows.h"

/* clang-format off */
/*    key                 type and place                                       default             min      max       help */
static const struct option rate_rows[] = {
    { "requests",         INTEGER(rate_options, requests),                     "0",                NULL,    "10000000",
      "Requests, WebSocket messages and datagrams a second. 0: any number." },
    { "events",           INTEGER(rate_options, events),                       "0",                NULL,    "100000000",
      "Events a second, those that are refused among them; they are counted when a payload has been read. 0: any number." },
    { "bytes",            SIZE(rate_options, bytes),                           "0",                NULL,    "1TiB",
      "Bytes of bodies, messages and datagrams a second, as they are sent. 0: any number." },
    { "cpu",              DURATION(rate_options, cpu_ns),                      "0s",               NULL,    "64s",
      "Time that unpacking and reading payloads may take, a second: `200ms` is a fifth of a core. 0: any." },
    { "burst",            DURATION(rate_options, burst_ns),                    "1s",               "100ms", "1h",
      "What may come at once: as much as the rate brings in this time." },
};

const struct option_table rate_table = TABLE(rate_rows);

static const struct option daily_rows[] = {
    { "requests",         INTEGER(daily_options, requests),                    "0",                NULL,    "4000000000",
      "Requests, WebSocket messages and datagrams. 0: any number." },
    { "events",           INTEGER(daily_options, events),                      "0",                NULL,    "4000000000",
      "Events; the payload that reaches the limit is still taken whole. 0: any number." },
};

static const struct option_table daily_table = TABLE(daily_rows);

static const struct option limits_rows[] = {
    { "all",              GROUP(limits_options, all),                          NULL,               NULL,    NULL,
      "Of all clients together.", .table = &rate_table, .reloads = true },
    { "address",          GROUP(limits_options, address),                      NULL,               NULL,    NULL,
      "Of each client address, behind `http.trusted_proxies`; of IPv6 of each /64.", .table = &rate_table, .reloads = true },
    { "key",              GROUP(limits_options, key),                          NULL,               NULL,    NULL,
      "Of each key that has no `rate` of its own.", .table = &rate_table, .reloads = true },
    { "daily",            GROUP(limits_options, daily),                        NULL,               NULL,    NULL,
      "Of each client address from midnight to midnight UTC, as far as it is remembered; a restart begins anew.", .table = &daily_table, .reloads = true },
    { "addresses",        INTEGER(limits_options, addresses),                  "65536",            "8",     "16777216",
      "Client addresses that are remembered, 72 bytes each; when more come the quietest are forgotten." },
    { "shared",           BOOL(limits_options, shared),                        "false",            NULL,    NULL,
      "Gateways with the same `dedup.redis_url` share the limits: each tells the others every 100 ms what was used." },
};
/* clang-format on */

const struct option_table limits_table = TABLE(limits_rows);
