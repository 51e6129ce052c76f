/* Turns a configuration and a limit of open files into the number of clients that may be connected. */
#include "open_files.h"

#include "base/log.h"
#include "config/config.h"
#include "proto/server/server.h"

#include <sys/resource.h>

#define OF_PROCESS 24    /* standard streams, LOCK, folders, /proc, the service manager, what libraries keep */
#define OF_ENGINE 512    /* the embedded engine's: of parts, each column has files of its own */
#define OF_IO_THREAD 12  /* epoll, eventfds, pipes, one that is refused; beside its listening sockets */
#define OF_SESSION 2     /* a writer's: the segment under way, a file of the dead letters */
#define OF_SERVER 6      /* of a session, by server: its connection, and what libcurl waits and resolves with */
#define OF_STREAM 4      /* its open segment, a new one, the halves of one that is split */
#define OF_DEDUP 6       /* key files, or Redis */
#define PARKED_DIVISOR 4 /* waiting segments keep a quarter: event/segment/segment.h */
#define LEAST_DIVISOR 8  /* however small the limit is, so much of it is for clients */

static size_t listeners_apart(const struct http_options *http)
{
    size_t count = 0;
    for (size_t i = 0; i < http->listener_count; i++) {
        count += server_keeps_apart(&http->listeners[i]);
    }
    return count;
}

struct open_files open_files_plan(const struct config *config, size_t server_count, uint64_t limit)
{
    uint64_t session = OF_SESSION + OF_SERVER * (uint64_t)server_count;
    uint64_t sessions = (uint64_t)config->writer.threads + (uint64_t)config->query.threads;
    uint64_t udp = (uint64_t)config->udp.threads * config->udp.listener_count;
    size_t apart = listeners_apart(&config->http);
    uint64_t together = config->http.listener_count - apart;
    uint64_t reserved = OF_PROCESS + limit / PARKED_DIVISOR + OF_STREAM * (uint64_t)config->stream_count + OF_DEDUP +
                        (OF_IO_THREAD + together) * (uint64_t)config->http.io_threads + 2 * udp;
    reserved += apart != 0 ? OF_IO_THREAD + SERVER_ADMIN_CONNECTIONS + apart : 0;
    reserved += config->store.kind == STORE_EMBEDDED ? OF_ENGINE + OF_SESSION * sessions : session * sessions;
    uint64_t least = limit / LEAST_DIVISOR + 1;
    uint64_t left = limit > reserved + least ? limit - reserved : least;
    uint64_t wanted = (uint64_t)config->http.max_connections;
    return (struct open_files){ limit, reserved, (int64_t)(wanted < left ? wanted : left) };
}

int64_t open_files_for_connections(const struct config *config, size_t server_count)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return config->http.max_connections;
    }
    struct open_files plan = open_files_plan(config, server_count, limit.rlim_cur);
    if (plan.connections < config->http.max_connections) {
        uint64_t others = plan.reserved - plan.limit / PARKED_DIVISOR;
        uint64_t needed = ((uint64_t)config->http.max_connections + others) * PARKED_DIVISOR / (PARKED_DIVISOR - 1) + 1;
        LOG(LOG_WARN, "connections bounded by open files",
            "%lld connections at most, not http.max_connections = %lld: the process may open %llu files, of which "
            "journal, store and the rest need their part; raise the limit to %llu (LimitNOFILE, ulimit -n)",
            (long long)plan.connections, (long long)config->http.max_connections, (unsigned long long)plan.limit,
            (unsigned long long)needed);
    }
    return plan.connections;
}
