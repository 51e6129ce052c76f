/* Turns what the UDP listeners' options say of senders into a verdict on each datagram. */
#include "proto/udp/udp_rules.h"

#include "base/assert.h"
#include "config/options/udp_options.h"
#include "proto/front/client_address.h"

#include <stdlib.h>

/* Of one listener. */
struct listener_rules {
    struct address_ranges allow; /* none: all may */
};

struct udp_rules {
    struct listener_rules *listeners; /* as options->listeners */
    size_t count;
};

static void compile_allow(struct listener_rules *rules, const struct udp_listener_options *options,
                          struct buf *problems)
{
    struct buf problem = { 0 };
    if (!address_ranges_init(&rules->allow, &options->allow, "udp.listeners[].allow", &problem)) {
        buf_printf(problems, "%d: %s\n", options->line, buf_c_string(&problem));
    }
    buf_release(&problem);
}

struct udp_rules *udp_rules_new(const struct udp_options *options, struct buf *problems)
{
    size_t before = problems->len;
    struct udp_rules *rules = calloc(1, sizeof *rules);
    struct listener_rules *listeners = calloc(options->listener_count + 1, sizeof *listeners);
    if (rules == NULL || listeners == NULL) {
        free(listeners);
        free(rules);
        return NULL;
    }
    *rules = (struct udp_rules){ listeners, options->listener_count };
    for (size_t i = 0; i < rules->count; i++) {
        compile_allow(&listeners[i], &options->listeners[i], problems);
    }
    if (problems->len != before) {
        udp_rules_free(rules);
        return NULL;
    }
    return rules;
}

void udp_rules_free(struct udp_rules *rules)
{
    if (rules == NULL) {
        return;
    }
    for (size_t i = 0; i < rules->count; i++) {
        address_ranges_release(&rules->listeners[i].allow);
    }
    free(rules->listeners);
    free(rules);
}

enum error udp_rules_judge(const struct udp_rules *rules, const struct udp_arrival *arrival)
{
    ASSERT_BELOW(arrival->listener, rules->count);
    const struct listener_rules *listener = &rules->listeners[arrival->listener];
    return listener->allow.count == 0 || address_ranges_hold(&listener->allow, arrival->address)
               ? OK
               : ERROR_ADDRESS_NOT_ALLOWED;
}
