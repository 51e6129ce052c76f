/* Turns a configuration into what the doors ask. */
#include "gateway_rules.h"

#include "config/options/http_options.h"
#include "proto/access/access.h"
#include "proto/front/client_address.h"
#include "proto/server/server.h"
#include "proto/server/server_tls.h"
#include "proto/udp/udp.h"
#include "proto/udp/udp_rules.h"

#include <stdlib.h>

bool gateway_rules_compile(struct gateway_rules *rules, const struct http_options *http, const struct udp_options *udp,
                           const struct udp *door, struct buf *problems)
{
    rules->trusted = calloc(1, sizeof *rules->trusted);
    if (rules->trusted == NULL) {
        buf_append_string(problems, "out of memory");
        return false;
    }
    rules->udp = udp_prepare(door, udp, rules->access, problems);
    rules->tls = rules->udp == NULL ? NULL : server_tls_prepare(server_tls_of(rules->server), http, problems);
    return rules->udp != NULL && rules->tls != NULL &&
           address_ranges_init(rules->trusted, &http->trusted_proxies, "http.trusted_proxies", problems);
}

void gateway_rules_release(struct gateway_rules *rules)
{
    if (rules->trusted != NULL) {
        address_ranges_release(rules->trusted);
    }
    free(rules->trusted);
    access_free(rules->access);
    udp_rules_free(rules->udp);
    if (rules->tls != NULL) {
        server_tls_discard(server_tls_of(rules->server), rules->tls);
    }
    *rules = (struct gateway_rules){ 0 };
}
