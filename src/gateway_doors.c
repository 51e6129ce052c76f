/* Turns options and a pipeline into doors that clients come in by. */
#include "gateway_doors.h"

#include "gateway_rules.h"

#include "config/options/http_options.h"
#include "memory_plan.h"
#include "open_files.h"
#include "proto/front/front_end.h"
#include "proto/server/server.h"
#include "proto/server/server_tls.h"
#include "proto/udp/udp.h"

static bool start_server(struct gateway_doors *doors, const struct gateway_doors_parts *parts, struct buf *problem)
{
    struct memory_plan plan = memory_plan_here(parts->config);
    memory_plan_log(&plan);
    struct server_config config = {
        .http = parts->http,
        .websocket = parts->websocket,
        .max_connections = open_files_for_connections(parts->config, parts->server_count),
        .max_receiving_bytes = plan.receiving,
        .max_replying_bytes = plan.replying,
        .pipeline = parts->pipeline,
        .metrics = parts->metrics,
        .board = parts->board,
        .routes = parts->routes,
        .rates = parts->rates,
        .access = parts->access,
    };
    doors->server = server_start(&config, problem);
    if (doors->server == NULL) {
        return false;
    }
    doors->fronts[doors->count++] = server_front(doors->server);
    return true;
}

static bool start_udp(struct gateway_doors *doors, const struct gateway_doors_parts *parts, struct buf *problem)
{
    struct udp_config config = { .options = parts->udp,
                                 .max_ratio = parts->http->max_ratio,
                                 .pipeline = parts->pipeline,
                                 .metrics = parts->metrics,
                                 .rates = parts->rates,
                                 .access = parts->access };
    doors->udp = udp_start(&config, problem);
    if (doors->udp == NULL) {
        return false;
    }
    doors->fronts[doors->count++] = udp_front(doors->udp);
    return true;
}

bool gateway_doors_start(struct gateway_doors *doors, const struct gateway_doors_parts *parts, struct buf *problem)
{
    return start_server(doors, parts, problem) && start_udp(doors, parts, problem);
}

bool gateway_doors_pause(struct gateway_doors *doors, int64_t deadline_ns, int64_t *since_ns)
{
    *since_ns = INT64_MAX;
    for (size_t i = 0; i < doors->count; i++) {
        int64_t asked_ns;
        if (!doors->fronts[i]->ops->pause(doors->fronts[i], deadline_ns, &asked_ns)) {
            while (i != 0) {
                i--;
                doors->fronts[i]->ops->resume(doors->fronts[i]);
            }
            return false;
        }
        *since_ns = asked_ns < *since_ns ? asked_ns : *since_ns;
    }
    return true;
}

void gateway_doors_resume(struct gateway_doors *doors)
{
    for (size_t i = 0; i < doors->count; i++) {
        doors->fronts[i]->ops->resume(doors->fronts[i]);
    }
}

void gateway_doors_refresh(struct gateway_doors *doors, const struct http_options *http, struct gateway_rules *rules)
{
    server_refresh(doors->server, rules->trusted, rules->access, rules->rates);
    server_tls_reload(server_tls_of(doors->server), http, rules->tls);
    rules->tls = NULL;
    udp_refresh(doors->udp, http->max_ratio, rules->access, rules->rates, &rules->udp);
}

void gateway_doors_close(struct gateway_doors *doors)
{
    for (size_t i = 0; i < doors->count; i++) {
        doors->fronts[i]->ops->close(doors->fronts[i]);
    }
}

void gateway_doors_stop(struct gateway_doors *doors, int64_t deadline_ns)
{
    for (size_t i = 0; i < doors->count; i++) {
        doors->fronts[i]->ops->stop(doors->fronts[i], deadline_ns);
    }
}

void gateway_doors_free(struct gateway_doors *doors)
{
    while (doors->count != 0) {
        struct front_end *front = doors->fronts[--doors->count];
        front->ops->free(front);
    }
}

const char *gateway_doors_stuck(const struct gateway_doors *doors, int64_t now_ns, int64_t limit_ns)
{
    for (size_t i = 0; i < doors->count; i++) {
        if (doors->fronts[i]->ops->turn_ns(doors->fronts[i], now_ns) >= limit_ns) {
            return doors->fronts[i]->ops->threads;
        }
    }
    return NULL;
}

const char *gateway_doors_address(const struct gateway_doors *doors, unsigned serves, int *port, bool *secure)
{
    return server_address(doors->server, serves, port, secure);
}

void gateway_doors_addresses(const struct gateway_doors *doors, struct buf *out)
{
    server_addresses(doors->server, out);
}

void gateway_doors_udp_addresses(const struct gateway_doors *doors, struct buf *out)
{
    udp_addresses(doors->udp, out);
}

void gateway_doors_tick(struct gateway_doors *doors)
{
    server_tick(doors->server);
}
