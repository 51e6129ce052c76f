/* Turns what is known of a payload into what its client may still send. */
#include "proto/gate/toll.h"

#include "base/assert.h"
#include "proto/access/access.h"
#include "proto/gate/gatekeeper.h"
#include "proto/limits/limit_fields.h"

enum error toll_ask(struct toll *toll, const struct gatekeeper *gatekeeper, const struct visitor *visitor,
                    uint64_t bytes, bool free, int64_t now_ns, struct metrics_cells *cells)
{
    ASSERT(gatekeeper->rates != NULL);
    if (toll->asked) {
        return toll->error;
    }
    const struct spending spending = { .requests = 1, .bytes = bytes };
    toll->asked = true;
    if (free) {
        toll->error = OK;
        toll->told.limited = false;
        limits_charge(gatekeeper->rates, visitor, &spending, now_ns);
        return OK;
    }
    toll->error = limits_take(gatekeeper->rates, visitor, &spending, now_ns, &toll->told);
    if (toll->error != OK) {
        limits_count_refusal(cells, &toll->told);
    }
    return toll->error;
}

struct slice toll_refusal(const struct toll *toll)
{
    ASSERT(toll->error == ERROR_RATE_LIMITED);
    return limit_refusal(&toll->told);
}

struct visitor toll_visitor(const struct gatekeeper *gatekeeper, const struct client_address *address,
                            const uint8_t *key_hash, int64_t wall_ns)
{
    struct visitor visitor = { .address = *address, .wall_ns = wall_ns };
    if (key_hash != NULL && gatekeeper->access != NULL &&
        access_recall(gatekeeper->access, key_hash, wall_ns, &visitor.key) != OK) {
        visitor.key = NULL; /* it has ended: the doors say so */
    }
    return visitor;
}

struct service service_begin(const struct gatekeeper *gatekeeper, int64_t (*clock)(void))
{
    struct limits *rates = gatekeeper->rates;
    bool measured = rates != NULL && limits_measure_cpu(rates);
    return (struct service){ .rates = rates, .began_ns = measured ? clock() : 0 };
}

void service_end(struct service service, const struct visitor *visitor, struct spending spending, int64_t now_ns,
                 int64_t (*clock)(void))
{
    ASSERT(service.rates != NULL);
    if (service.began_ns != 0) {
        int64_t took_ns = clock() - service.began_ns;
        spending.cpu_ns = took_ns > 0 ? took_ns : 0;
    }
    limits_charge(service.rates, visitor, &spending, now_ns);
}
