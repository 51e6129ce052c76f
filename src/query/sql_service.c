/* Turns clients of the data folder's socket into statements of the store, each on a thread of its own. */
#include "query/sql_service.h"

#include "base/assert.h"
#include "base/log.h"
#include "base/thread.h"
#include "query/sql_wire.h"
#include "store/store.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST_TIMEOUT_S 10 /* for a client to say what it wants */
#define FREE_TRIES 20
#define FREE_EVERY_MS 50
#define CANCEL_EVERY_MS 200 /* one that came too early for the engine's list is repeated */

/* One client. The waiting thread starts and joins its thread; `ended` is all that both write. */
struct statement_slot {
    struct sql_service *service;
    struct thread thread;
    int fd; /* -1: free */
    char tag[48];
    bool cancelled;
    atomic_bool running; /* the engine may know it by its tag */
    atomic_bool ended;
};

struct sql_service {
    struct store *store;
    char *data_folder;
    int listen_fd;
    int wake_fd;
    struct thread thread;
    atomic_bool stopping;
    uint64_t next_tag;
    struct statement_slot slots[SQL_SERVICE_MOST];
};

static void wake(struct sql_service *service)
{
    uint64_t one = 1;
    ssize_t written = write(service->wake_fd, &one, sizeof one);
    (void)written;
}

static bool send_piece(void *context, struct slice piece)
{
    const struct statement_slot *slot = context;
    return sql_wire_send(slot->fd, SQL_PIECE, piece);
}

static void run_statement(struct statement_slot *slot, const struct sql_request *request, struct store_reply *reply)
{
    struct store *store = slot->service->store;
    char format[SQL_FORMAT_MAX + 1];
    snprintf(format, sizeof format, "%.*s", (int)request->format.len, (const char *)request->format.data);
    struct store_session *session = store->ops->session_new(store);
    if (session == NULL) {
        store_reply_set(reply, STORE_UNREACHABLE, 0, 0, SLICE("out of memory"));
        return;
    }
    struct store_statement statement = {
        .sql = request->statement,
        .format = format,
        .tag = slot->tag,
        .write = request->write,
        .take = send_piece,
        .context = slot,
    };
    atomic_store(&slot->running, true);
    store->ops->run_statement(session, &statement, reply);
    atomic_store(&slot->running, false);
    store->ops->session_free(session);
}

static void serve_client(void *argument)
{
    struct statement_slot *slot = argument;
    struct store_reply reply = { 0 };
    struct sql_request request;
    struct buf space = { 0 };
    if (sql_wire_read_request(slot->fd, &space, &request)) {
        if (request.write) {
            LOG(LOG_INFO, "sql", "a statement that may write runs, asked for by `sluice sql --write`");
        }
        run_statement(slot, &request, &reply);
        bool told = reply.outcome == STORE_DONE ? sql_wire_send(slot->fd, SQL_DONE, SLICE(""))
                                                : sql_wire_send(slot->fd, SQL_FAILED, slice_from_string(reply.message));
        (void)told; /* who has gone is told nothing */
    }
    buf_release(&space);
    atomic_store(&slot->ended, true);
    wake(slot->service);
}

static void free_slot(struct statement_slot *slot)
{
    thread_join(&slot->thread);
    close(slot->fd);
    slot->thread = (struct thread){ 0 };
    slot->fd = -1;
}

static void refuse(int fd, const char *why)
{
    bool told = sql_wire_send(fd, SQL_FAILED, slice_from_string(why));
    (void)told;
    close(fd);
}

static struct statement_slot *find_free(struct sql_service *service)
{
    for (size_t i = 0; i < SQL_SERVICE_MOST; i++) {
        if (service->slots[i].fd < 0) {
            return &service->slots[i];
        }
    }
    return NULL;
}

/* Returns whether any statement is still there. */
static bool look_after_slots(struct sql_service *service)
{
    bool any = false;
    for (size_t i = 0; i < SQL_SERVICE_MOST; i++) {
        struct statement_slot *slot = &service->slots[i];
        if (slot->fd >= 0 && atomic_load(&slot->ended)) {
            free_slot(slot);
        }
        any = any || slot->fd >= 0;
    }
    return any;
}

/* One whose statement has just ended needs a moment to be free. */
static struct statement_slot *wait_for_free(struct sql_service *service)
{
    struct statement_slot *slot = find_free(service);
    for (int i = 0; slot == NULL && i < FREE_TRIES; i++) {
        poll(NULL, 0, FREE_EVERY_MS);
        look_after_slots(service);
        slot = find_free(service);
    }
    return slot;
}

static void take_client(struct sql_service *service)
{
    int fd = accept4(service->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) {
        poll(NULL, 0, CANCEL_EVERY_MS); /* no descriptors, perhaps: not again at once */
        return;
    }
    struct timeval limit = { .tv_sec = REQUEST_TIMEOUT_S };
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    struct statement_slot *slot = wait_for_free(service);
    if (slot == NULL) {
        refuse(fd, "four statements run already; try again when one has ended");
        return;
    }
    slot->fd = fd;
    slot->cancelled = false;
    atomic_store(&slot->running, false);
    atomic_store(&slot->ended, false);
    snprintf(slot->tag, sizeof slot->tag, "sluice-sql-%d-%llu", (int)getpid(), (unsigned long long)++service->next_tag);
    if (thread_start_background(&slot->thread, "sql-statement", serve_client, slot) != OK) {
        slot->fd = -1;
        refuse(fd, "the system refuses more threads");
    }
}

/* Their clients wait for nothing any more. */
static void cancel_marked(struct sql_service *service)
{
    struct store_session *session = NULL;
    for (size_t i = 0; i < SQL_SERVICE_MOST; i++) {
        struct statement_slot *slot = &service->slots[i];
        if (slot->fd < 0 || !slot->cancelled || !atomic_load(&slot->running)) {
            continue;
        }
        session = session != NULL ? session : service->store->ops->session_new(service->store);
        if (session != NULL) {
            service->store->ops->cancel_statement(session, slot->tag);
        }
    }
    if (session != NULL) {
        service->store->ops->session_free(session);
    }
}

static void mark(struct statement_slot *slot)
{
    ASSERT(slot->fd >= 0 && !slot->cancelled);
    slot->cancelled = true;
    shutdown(slot->fd, SHUT_RDWR); /* its thread neither sends nor waits any more */
}

static void mark_those_who_left(struct sql_service *service, const struct pollfd *clients)
{
    for (size_t i = 0; i < SQL_SERVICE_MOST; i++) {
        struct statement_slot *slot = &service->slots[i];
        bool left = clients[i].fd >= 0 && (clients[i].revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
        if (slot->fd >= 0 && !slot->cancelled && (left || atomic_load(&service->stopping))) {
            mark(slot);
        }
    }
}

static bool any_marked(const struct sql_service *service)
{
    for (size_t i = 0; i < SQL_SERVICE_MOST; i++) {
        if (service->slots[i].fd >= 0 && service->slots[i].cancelled) {
            return true;
        }
    }
    return false;
}

static void wait_for_something(struct sql_service *service, struct pollfd *polled)
{
    polled[0] = (struct pollfd){ .fd = atomic_load(&service->stopping) ? -1 : service->listen_fd, .events = POLLIN };
    polled[1] = (struct pollfd){ .fd = service->wake_fd, .events = POLLIN };
    for (size_t i = 0; i < SQL_SERVICE_MOST; i++) {
        const struct statement_slot *slot = &service->slots[i];
        polled[2 + i] = (struct pollfd){ .fd = slot->cancelled ? -1 : slot->fd, .events = POLLRDHUP };
    }
    if (poll(polled, 2 + SQL_SERVICE_MOST, any_marked(service) ? CANCEL_EVERY_MS : -1) < 0) {
        for (size_t i = 0; i < 2 + SQL_SERVICE_MOST; i++) {
            polled[i].revents = 0;
        }
    }
}

static void wait_for_clients(void *argument)
{
    struct sql_service *service = argument;
    struct pollfd polled[2 + SQL_SERVICE_MOST];
    while (look_after_slots(service) || !atomic_load(&service->stopping)) {
        wait_for_something(service, polled);
        if (polled[1].revents != 0) {
            uint64_t count;
            ssize_t got = read(service->wake_fd, &count, sizeof count);
            (void)got;
        }
        mark_those_who_left(service, polled + 2);
        cancel_marked(service);
        if (polled[0].revents != 0 && !atomic_load(&service->stopping)) {
            take_client(service);
        }
    }
}

static void free_service(struct sql_service *service)
{
    if (service->listen_fd >= 0) {
        sql_wire_remove(service->data_folder);
        close(service->listen_fd);
    }
    if (service->wake_fd >= 0) {
        close(service->wake_fd);
    }
    free(service->data_folder);
    free(service);
}

struct sql_service *sql_service_start(struct store *store, const char *data_folder, struct buf *problem)
{
    if (store->ops->run_statement == NULL) {
        return NULL;
    }
    struct sql_service *service = calloc(1, sizeof *service);
    if (service == NULL) {
        buf_append_string(problem, "out of memory");
        return NULL;
    }
    service->store = store;
    service->data_folder = strdup(data_folder);
    service->wake_fd = eventfd(0, EFD_CLOEXEC);
    service->listen_fd = service->data_folder == NULL ? -1 : sql_wire_listen(data_folder, problem);
    for (size_t i = 0; i < SQL_SERVICE_MOST; i++) {
        service->slots[i] = (struct statement_slot){ .service = service, .fd = -1 };
    }
    if (service->listen_fd < 0 || service->wake_fd < 0 ||
        thread_start(&service->thread, "sql", wait_for_clients, service) != OK) {
        buf_append_string(problem, problem->len == 0 ? "sql: out of memory, descriptors or threads" : "");
        free_service(service);
        return NULL;
    }
    return service;
}

void sql_service_stop(struct sql_service *service)
{
    if (service == NULL) {
        return;
    }
    atomic_store(&service->stopping, true);
    wake(service);
    thread_join(&service->thread);
    free_service(service);
}
