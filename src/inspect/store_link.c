/* Turns statements into the store's answers, whoever has the store. */
#include "inspect/store_link.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/system/data_folder.h"
#include "config/options/journal_options.h"
#include "config/options/store_options.h"
#include "query/sql_wire.h"
#include "store/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BETWEEN_NS (10 * NS_PER_SECOND)
#define READ_MAX (UINT64_C(64) << 20)

/* Either `store` is open, or a gateway is asked; `socket` is a connection that is not used yet, or -1. */
struct store_link {
    const struct store_options *options;
    const char *data;
    struct data_folder folder;
    struct store *store;
    int socket;
};

static bool open_store(struct store_link *link, struct buf *problem)
{
    link->store = store_new(link->options, link->data, false, problem);
    return link->store != NULL && store_open(link->store, problem);
}

/* The gateway's socket, or else the engine; false with *problem. */
static bool open_embedded(struct store_link *link, struct buf *problem)
{
    const struct timespec pause = { .tv_nsec = 100 * NS_PER_MS };
    int64_t deadline_ns = clock_monotonic_ns() + BETWEEN_NS;
    ASSERT_BELOW(link->socket, 0);
    while ((link->socket = sql_wire_connect(link->data)) < 0) {
        buf_clear(problem);
        if (errno == EACCES) {
            buf_printf(problem, "the gateway's socket in %s: %s; ask as the gateway's user", link->data,
                       strerror(EACCES));
            return false;
        }
        if (data_folder_take(&link->folder, link->data, false, problem)) {
            return open_store(link, problem);
        }
        data_folder_release(&link->folder);
        link->folder = (struct data_folder){ .lock_fd = -1 };
        if (access(link->data, F_OK) != 0 || clock_monotonic_ns() >= deadline_ns) {
            return false;
        }
        nanosleep(&pause, NULL);
    }
    return true;
}

struct store_link *store_link_open(const struct store_options *store, const struct journal_options *journal,
                                   struct buf *problem)
{
    struct store_link *link = calloc(1, sizeof *link);
    if (link == NULL) {
        buf_append_string(problem, "out of memory");
        return NULL;
    }
    *link = (struct store_link){ .options = store, .data = journal->data, .folder = { .lock_fd = -1 }, .socket = -1 };
    if (!(store->kind == STORE_EMBEDDED ? open_embedded : open_store)(link, problem)) {
        store_link_close(link);
        return NULL;
    }
    ASSERT((link->store != NULL) != (link->socket >= 0));
    return link;
}

void store_link_close(struct store_link *link)
{
    if (link == NULL) {
        return;
    }
    if (link->socket >= 0) {
        close(link->socket);
    }
    if (link->store != NULL) {
        link->store->ops->free(link->store);
    }
    data_folder_release(&link->folder);
    free(link);
}

/* --- the store itself --- */

static void run_here(struct store *store, struct store_session *session, const struct store_question *question,
                     struct store_reply *reply)
{
    struct store_statement statement = {
        .sql = question->sql,
        .format = question->format,
        .tag = "sluice-sql",
        .write = question->write,
        .take = question->take,
        .context = question->context,
    };
    store->ops->run_statement(session, &statement, reply);
}

/* A server's answer is held whole. */
static void ask_server(struct store *store, struct store_session *session, const struct store_question *question,
                       struct store_reply *reply)
{
    struct store_query query = {
        .sql = question->sql,
        .format = question->format[0] != '\0' ? question->format : NULL,
        .timeout_ns = question->timeout_ns,
        .max_result_bytes = UINT64_C(1) << 32,
    };
    struct buf out = { 0 };
    store->ops->query(session, question->server, &query, &out, reply);
    if (reply->outcome == STORE_DONE && out.len != 0 && !question->take(question->context, buf_slice(&out))) {
        store_reply_set(reply, STORE_ANSWERED, 0, 0, SLICE("nothing more was taken of the result"));
    }
    buf_release(&out);
}

static bool ask_store(struct store *store, const struct store_question *question, int *code, struct buf *problem)
{
    struct store_session *session = store->ops->session_new(store);
    struct store_reply reply = { 0 };
    if (session == NULL) {
        buf_append_string(problem, "out of memory");
        return false;
    }
    (store->ops->run_statement != NULL ? run_here : ask_server)(store, session, question, &reply);
    store->ops->session_free(session);
    *code = reply.code;
    if (reply.outcome != STORE_DONE) {
        buf_append_string(problem, reply.message);
    }
    return reply.outcome == STORE_DONE;
}

/* --- the gateway --- */

/* What a gateway says, until its end. */
static bool hear(int socket, const struct store_question *question, int *code, struct buf *problem)
{
    struct buf bytes = { 0 };
    enum sql_frame kind = SQL_PIECE;
    bool heard = true;
    bool taken = true;
    while (taken && heard && kind == SQL_PIECE) {
        heard = sql_wire_receive(socket, &kind, &bytes);
        taken = !heard || kind != SQL_PIECE || question->take(question->context, buf_slice(&bytes));
    }
    if (!heard) {
        buf_append_string(problem, "the gateway ended before the statement did");
    } else if (!taken) {
        buf_append_string(problem, "nothing more was taken of the result");
    } else if (kind == SQL_FAILED) {
        *code = store_parse_error_code(buf_slice(&bytes));
        buf_append_slice(problem, buf_slice(&bytes));
    }
    buf_release(&bytes);
    return heard && taken && kind == SQL_DONE;
}

static bool ask_gateway(struct store_link *link, const struct store_question *question, int *code, struct buf *problem)
{
    const struct sql_request request = {
        .statement = question->sql,
        .format = slice_from_string(question->format),
        .write = question->write,
    };
    bool asked = sql_wire_ask(link->socket, &request);
    (void)asked; /* who did not listen to the end may have said why */
    bool done = hear(link->socket, question, code, problem);
    close(link->socket);
    link->socket = -1;
    return done;
}

bool store_link_ask(struct store_link *link, const struct store_question *question, int *code, struct buf *problem)
{
    *code = 0;
    ASSERT(question->take != NULL && question->format != NULL);
    if (link->store == NULL && link->socket < 0 && !open_embedded(link, problem)) {
        return false;
    }
    return link->store != NULL ? ask_store(link->store, question, code, problem)
                               : ask_gateway(link, question, code, problem);
}

static bool keep(void *context, struct slice piece)
{
    struct buf *out = context;
    if (piece.len > READ_MAX - out->len) {
        return false;
    }
    buf_append_slice(out, piece);
    return !out->failed;
}

bool store_link_read(struct store_link *link, const struct store_question *question, struct buf *out, int *code,
                     struct buf *problem)
{
    struct store_question read = *question;
    read.take = keep;
    read.context = out;
    buf_clear(out);
    return store_link_ask(link, &read, code, problem);
}

size_t store_link_servers(const struct store_link *link)
{
    return link->store != NULL ? link->store->server_count : 1;
}

const char *store_link_server_name(const struct store_link *link, size_t server)
{
    ASSERT_BELOW(server, store_link_servers(link));
    return link->store != NULL ? link->store->server_names[server] : "the gateway's engine";
}
