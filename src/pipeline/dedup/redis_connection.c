/* Turns commands into replies, by way of hiredis. */
#include "pipeline/dedup/redis_connection.h"

#include "base/assert.h"
#include "base/clock.h"
#include "pipeline/dedup/redis_tls.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#define READ_BUFFER ((size_t)1 << 20)     /* kept between round trips; hiredis would free it each time beyond 16 KiB */
#define LONGEST_REPLY ((size_t)256 << 10) /* that is not whole: hiredis looks through all of it after each read */
#define PIECE ((size_t)16 << 10)          /* read at once over TLS, as hiredis does without: a record */
#define LONGEST_ARRAY 4                   /* but for the awaited SMISMEMBER: TIME and EXEC have two */

#define LONGEST_ERROR 256 /* of a server's text that is repeated */

#define UNLIKE_COMMAND "its reply is not what the command calls for; is this a Redis server?"
#define NO_INTEGERS "its reply to SMISMEMBER is not of integers; is this a Redis server?"

#define LATEST_SECOND ((uint64_t)1 << 33) /* in the year 2242: so that no sum of times overflows */

/* The integers of an awaited SMISMEMBER go straight to where they belong: hiredis would allocate an object for each. Every
 * other reply is hiredis' own object. */
struct member_sink {
    uint8_t *members; /* NULL: none is awaited */
    size_t count;
    bool nonsense; /* something else than integers was in the array */
    bool unasked;  /* an array that nothing calls for: hiredis would allocate whatever length it claims */
};

struct redis_connection {
    redisContext *context;
    struct redis_tls *tls;                    /* NULL: there is none */
    redisReplyObjectFunctions *own_functions; /* hiredis' */
    redisReplyObjectFunctions functions;
    struct member_sink sink;
};

/* Stands for the array whose integers went to the sink, and for whatever lies within it. */
static char sunk;

static bool is_in_sink(const redisReadTask *task)
{
    return task->parent != NULL && task->parent->obj == &sunk;
}

static struct redis_connection *connection_of(const redisReadTask *task)
{
    return task->privdata;
}

static void *refuse(const redisReadTask *task)
{
    connection_of(task)->sink.nonsense = true;
    return &sunk;
}

static void *create_string(const redisReadTask *task, char *text, size_t len)
{
    return is_in_sink(task) ? refuse(task) : connection_of(task)->own_functions->createString(task, text, len);
}

static void *create_nil(const redisReadTask *task)
{
    return is_in_sink(task) ? refuse(task) : connection_of(task)->own_functions->createNil(task);
}

/* NULL ends the reading: arrays within arrays, and what is longer than any reply to a command of ours. */
static void *create_array(const redisReadTask *task, int elements)
{
    struct member_sink *sink = &connection_of(task)->sink;
    if (sink->members != NULL && task->parent == NULL && elements >= 0 && (size_t)elements == sink->count) {
        return &sunk;
    }
    if (task->parent != NULL || elements < 0 || elements > LONGEST_ARRAY) {
        *(is_in_sink(task) ? &sink->nonsense : &sink->unasked) = true;
        return NULL;
    }
    return connection_of(task)->own_functions->createArray(task, elements);
}

static void *create_integer(const redisReadTask *task, long long value)
{
    struct member_sink *sink = &connection_of(task)->sink;
    if (!is_in_sink(task)) {
        return connection_of(task)->own_functions->createInteger(task, value);
    }
    if (task->parent->parent != NULL || task->idx < 0 || (size_t)task->idx >= sink->count) {
        return refuse(task);
    }
    sink->members[task->idx] = value != 0;
    return &sunk;
}

static void free_object(void *object)
{
    if (object != &sunk) {
        freeReplyObject(object);
    }
}

static void intercept(struct redis_connection *connection)
{
    redisReader *reader = connection->context->reader;
    connection->own_functions = reader->fn;
    connection->functions = (redisReplyObjectFunctions){
        .createString = create_string,
        .createArray = create_array,
        .createInteger = create_integer,
        .createNil = create_nil,
        .freeObject = free_object,
    };
    reader->fn = &connection->functions;
    reader->privdata = connection;
    reader->maxbuf = READ_BUFFER;
}

static redisContext *connect_to(const struct redis_address *address, int64_t timeout_ns)
{
    struct timeval timeout = { .tv_sec = timeout_ns / NS_PER_SECOND,
                               .tv_usec = timeout_ns % NS_PER_SECOND / NS_PER_US };
    return address->path[0] != '\0' ? redisConnectUnixWithTimeout(address->path, timeout)
                                    : redisConnectWithTimeout(address->host, address->port, timeout);
}

struct redis_connection *redis_connection_open(const struct redis_address *address, int64_t timeout_ns,
                                               struct buf *problem)
{
    int64_t started_ns = clock_monotonic_ns();
    struct redis_connection *connection = calloc(1, sizeof *connection);
    redisContext *context = connection == NULL ? NULL : connect_to(address, timeout_ns);
    if (context == NULL || context->err != 0) {
        buf_append_string(problem, context == NULL ? "out of memory" : context->errstr);
        if (context != NULL) {
            redisFree(context);
        }
        free(connection);
        return NULL;
    }
    connection->context = context;
    if (address->secure) {
        connection->tls = redis_tls_open(context->fd, address, started_ns + timeout_ns, problem);
    }
    if (address->secure && connection->tls == NULL) {
        redis_connection_close(connection);
        return NULL;
    }
    if (context->connection_type == REDIS_CONN_TCP) {
        redisEnableKeepAlive(context); /* on another socket it would set an error that stays */
    }
    intercept(connection);
    return connection;
}

void redis_connection_close(struct redis_connection *connection)
{
    if (connection != NULL) {
        redis_tls_close(connection->tls);
        redisFree(connection->context);
        free(connection);
    }
}

/* --- replies --- */

static bool is_whole_number(const redisReply *reply, uint64_t *number)
{
    return reply->type == REDIS_REPLY_STRING && slice_to_u64(slice_make(reply->str, reply->len), number);
}

static bool take_time(const redisReply *reply, struct redis_answer *answer)
{
    uint64_t seconds, microseconds;
    bool sound = reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
                 is_whole_number(reply->element[0], &seconds) && is_whole_number(reply->element[1], &microseconds) &&
                 seconds < LATEST_SECOND && microseconds < 1000000;
    if (sound) {
        answer->time_ns = (int64_t)seconds * NS_PER_SECOND + (int64_t)microseconds * NS_PER_US;
    }
    return sound;
}

static bool take_text(const redisReply *reply, struct redis_answer *answer)
{
    answer->found = reply->type == REDIS_REPLY_STRING;
    if (answer->found) {
        buf_append(answer->text, reply->str, reply->len);
    }
    return answer->found || reply->type == REDIS_REPLY_NIL;
}

/* The error that a reply is or holds; NULL: none. */
static const redisReply *error_in(const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_ERROR) {
        return reply;
    }
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++) {
        if (reply->element[i]->type == REDIS_REPLY_ERROR) {
            return reply->element[i];
        }
    }
    return NULL;
}

/* Without the arguments that an "unknown command" is quoted with: they may be a password's. */
static void explain_error(struct slice text, struct buf *problem)
{
    struct slice quoted = SLICE(", with args");
    const char *end = memmem(text.data, text.len, quoted.data, quoted.len);
    text.len = end != NULL ? (size_t)(end - text.data) : text.len;
    buf_printf(problem, "it answered: %.*s", text.len < LONGEST_ERROR ? (int)text.len : LONGEST_ERROR, text.data);
}

static bool take_object(const redisReply *reply, struct redis_answer *answer, struct buf *problem)
{
    const redisReply *error = error_in(reply);
    bool sound = false;
    if (error != NULL) {
        explain_error(slice_make(error->str, error->len), problem);
        return false;
    }
    switch (answer->want) {
    case REDIS_WANT_DONE: sound = reply->type != REDIS_REPLY_NIL; break;
    case REDIS_WANT_TIME: sound = take_time(reply, answer); break;
    case REDIS_WANT_TEXT: sound = take_text(reply, answer); break;
    case REDIS_WANT_MEMBERS: break; /* an array as long as the question goes to the sink */
    }
    if (!sound) {
        buf_append_string(problem, UNLIKE_COMMAND);
    }
    return sound;
}

static bool take_reply(struct redis_connection *connection, void *object, struct redis_answer *answer,
                       struct buf *problem)
{
    if (object != &sunk) {
        return take_object(object, answer, problem);
    }
    if (connection->sink.nonsense) {
        buf_append_string(problem, NO_INTEGERS);
    }
    return !connection->sink.nonsense;
}

static void expect(struct redis_connection *connection, const struct redis_answer *answer)
{
    connection->sink = (struct member_sink){ 0 };
    if (answer->want == REDIS_WANT_MEMBERS) {
        connection->sink = (struct member_sink){ .members = answer->members, .count = answer->count };
        ASSERT(answer->members != NULL);
    }
}

static void explain_reader(const struct redis_connection *connection, struct buf *problem)
{
    const redisContext *context = connection->context;
    if (connection->sink.unasked || connection->sink.nonsense) {
        buf_append_string(problem, connection->sink.unasked ? UNLIKE_COMMAND : NO_INTEGERS);
    } else {
        buf_printf(problem, "%s%s", context->errstr, context->err == REDIS_ERR_OOM ? "" : "; is this a Redis server?");
    }
}

/* Takes the replies that are whole; *taken counts them. */
static bool take_replies(struct redis_connection *connection, struct redis_answer *answers, size_t count, size_t *taken,
                         struct buf *problem)
{
    while (*taken < count) {
        void *object = NULL;
        if (redisGetReplyFromReader(connection->context, &object) != REDIS_OK) {
            explain_reader(connection, problem);
            return false;
        }
        if (object == NULL) {
            return true;
        }
        bool sound = take_reply(connection, object, &answers[*taken], problem);
        free_object(object);
        if (!sound) {
            return false;
        }
        if (++*taken < count) {
            expect(connection, &answers[*taken]);
        }
    }
    return true;
}

/* --- a round trip --- */

static bool fail_errno(struct buf *problem, const char *what)
{
    buf_printf(problem, "%s: %s", what, strerror(errno));
    return false;
}

/* Sends what the socket takes now. */
static bool send_some(const struct redis_connection *connection, struct slice *rest, struct buf *problem)
{
    if (connection->tls != NULL) {
        return redis_tls_send(connection->tls, rest, problem);
    }
    ssize_t sent = send(connection->context->fd, rest->data, rest->len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
        return errno == EAGAIN || errno == EINTR || fail_errno(problem, "sending failed");
    }
    *rest = slice_after(*rest, (size_t)sent);
    return true;
}

static bool receive_by_tls(const struct redis_connection *connection, struct buf *problem)
{
    char bytes[PIECE];
    size_t got;
    if (!redis_tls_receive(connection->tls, bytes, sizeof bytes, &got, problem)) {
        return false;
    }
    if (got != 0 && redisReaderFeed(connection->context->reader, bytes, got) != REDIS_OK) {
        buf_append_string(problem, connection->context->reader->errstr);
        return false;
    }
    return true;
}

static bool receive_plain(const struct redis_connection *connection, struct buf *problem)
{
    if (redisBufferRead(connection->context) != REDIS_OK) {
        buf_append_string(problem, connection->context->errstr);
        return false;
    }
    return true;
}

static bool receive_some(const struct redis_connection *connection, struct buf *problem)
{
    if (!(connection->tls != NULL ? receive_by_tls : receive_plain)(connection, problem)) {
        return false;
    }
    if (connection->context->reader->len > LONGEST_REPLY) {
        buf_append_string(problem, "its reply has no end; is this a Redis server?");
        return false;
    }
    return true;
}

static bool wait_for(const struct redis_connection *connection, short events, short *ready, int64_t deadline_ns,
                     struct buf *problem)
{
    struct pollfd poller = { .fd = connection->context->fd, .events = events };
    int64_t left_ns = deadline_ns - clock_monotonic_ns();
    if (left_ns > 0 && connection->tls != NULL && redis_tls_holds_more(connection->tls)) {
        *ready = POLLIN;
        return true;
    }
    int found = left_ns <= 0 ? 0 : poll(&poller, 1, (int)((left_ns + NS_PER_MS - 1) / NS_PER_MS));
    *ready = found > 0 ? poller.revents : 0;
    if (found == 0) {
        buf_append_string(problem, "no answer within dedup.redis_timeout");
        return false;
    }
    return found > 0 || errno == EINTR || fail_errno(problem, "poll failed");
}

bool redis_connection_round_trip(struct redis_connection *connection, struct slice commands,
                                 struct redis_answer *answers, size_t count, int64_t deadline_ns, struct buf *problem)
{
    ASSERT(count != 0);
    size_t taken = 0;
    expect(connection, &answers[0]);
    while (taken < count || commands.len != 0) {
        short ready;
        short events = commands.len == 0 ? POLLIN : POLLIN | POLLOUT;
        if (!wait_for(connection, events, &ready, deadline_ns, problem) ||
            ((ready & POLLOUT) != 0 && !send_some(connection, &commands, problem)) ||
            ((ready & (POLLIN | POLLHUP | POLLERR)) != 0 && !receive_some(connection, problem)) ||
            !take_replies(connection, answers, count, &taken, problem)) {
            return false;
        }
    }
    if (connection->context->reader->pos != connection->context->reader->len) {
        buf_append_string(problem, "it answered more than it was asked; is this a Redis server?");
        return false;
    }
    return true;
}
