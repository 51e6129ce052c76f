/* Turns due requests into HTTP/1.1 POSTs, one under way per connection, and their replies into counts. */
#include "fail.h"
#include "loop.h"
#include "secure.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define REPLY_CAPACITY 2048 /* at first; it grows with the largest reply */
#define RETRY_DEFAULT_NS NS_PER_SECOND
#define RETRY_FOR_NS (120 * NS_PER_SECOND) /* from when it was due: a server that never takes it must not keep us */
#define RETRY_GRAIN_NS (10 * NS_PER_MS)    /* so that many are found by one look at all connections */

enum state { FREE, BUSY, WAITING, CLOSED };

struct connection {
    int fd;
    struct secure *secure;  /* NULL: plain text */
    enum state state;       /* WAITING: for its time to send again */
    struct payload payload; /* behind its head */
    char *request;
    size_t length, sent; /* of the request */
    struct reply reply;
    struct buf bytes; /* of the reply */
    int64_t due_ns;
    int64_t retry_ns;
};

#define IDS_MAX 1000 /* what the gateway lists without being asked */

struct http {
    struct loop loop;
    struct connection *connections;
    size_t head_room;
    bool with_ids;
    int64_t retry_ns; /* the earliest of those that wait; or PACE_NEVER */
};

/* The length stands last and its field is as wide as it can become, so that the head does not move (spaces in front of a
 * value are allowed). */
static int print_head(const struct load *load, char *at, size_t room, size_t length)
{
    static const char *const encodings[] = { [COMPRESS_NONE] = "",
                                             [COMPRESS_LZ4] = "Content-Encoding: lz4\r\n",
                                             [COMPRESS_GZIP] = "Content-Encoding: gzip\r\n",
                                             [COMPRESS_ZSTD] = "Content-Encoding: zstd\r\n" };
    const struct options *o = &load->options;
    return snprintf(
        at, room,
        "POST %s HTTP/1.1\r\nHost: %s:%llu\r\n%s%s%sContent-Type: application/%s\r\n%sContent-Length: %*zu\r\n\r\n",
        o->path, o->host, (unsigned long long)o->port, o->key != NULL ? "Authorization: Bearer " : "",
        o->key != NULL ? o->key : "", o->key != NULL ? "\r\n" : "",
        load->body.shape == BODY_NDJSON ? "x-ndjson" : "json", encodings[o->compress],
        snprintf(NULL, 0, "%zu", load->bound), length);
}

/* The NUL of snprintf falls on the first byte of the body, which is put back. */
static void write_head(struct load *load, struct connection *c)
{
    struct http *http = load->state;
    char first = c->payload.bytes[0];
    print_head(load, c->request, http->head_room + 1, c->payload.length);
    c->payload.bytes[0] = first;
    c->length = http->head_room + c->payload.length;
}

static bool connect_one(struct load *load, struct connection *c)
{
    struct http *http = load->state;
    c->fd = loop_connect(&load->options, (struct in_addr){ INADDR_ANY });
    if (c->fd < 0) {
        return false;
    }
    c->secure = load->options.tls ? secure_new(c->fd) : NULL;
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    loop_watch(&http->loop, c->fd, c);
    return true;
}

static void hang_up(struct connection *c)
{
    secure_free(c->secure);
    c->secure = NULL;
    close(c->fd);
}

static void end_connection(struct load *load, struct connection *c)
{
    if (c->fd >= 0) {
        hang_up(c);
    }
    c->fd = -1;
    c->state = CLOSED;
    load->open--;
}

static void lose_connection(struct load *load, struct connection *c)
{
    load->totals.lost_connections++;
    load->totals.failed += c->state == FREE ? 0 : load->body.events;
    end_connection(load, c);
}

/* After an end that the server announced, or while nothing was under way. */
static void reconnect(struct load *load, struct connection *c)
{
    hang_up(c);
    load->totals.reconnects++;
    if (!connect_one(load, c)) {
        lose_connection(load, c);
    }
}

/* What the socket does not take waits for it to be writable. */
static void send_rest(struct load *load, struct connection *c)
{
    while (c->sent < c->length) {
        const char *rest = c->request + c->sent;
        size_t count = c->length - c->sent;
        ssize_t n = c->secure == NULL ? send(c->fd, rest, count, MSG_NOSIGNAL) : secure_send(c->secure, rest, count);
        if (n < 0) {
            if (errno != EAGAIN) {
                lose_connection(load, c);
            }
            return;
        }
        c->sent += (size_t)n;
    }
}

static void send_request(struct load *load, struct connection *c)
{
    c->state = BUSY;
    c->sent = 0;
    c->reply = (struct reply){ 0 };
    c->bytes.len = 0;
    send_rest(load, c);
}

static void start_request(struct load *load, struct connection *c, int64_t due_ns)
{
    size_t length = c->payload.length;
    load_next_payload(load, &c->payload);
    if (c->payload.length != length || c->length == 0) {
        write_head(load, c);
    }
    c->due_ns = load->pace.interval_ns > 0 ? due_ns : clock_monotonic_ns();
    send_request(load, c);
}

/* The connection has nothing under way: its next request, or a place in the line until one is due. */
static void set_free(struct load *load, struct connection *c, int64_t now_ns)
{
    struct http *http = load->state;
    int64_t due_ns;
    c->state = FREE;
    switch (pace_take(&load->pace, now_ns, &due_ns)) {
    case PACE_DUE: start_request(load, c, due_ns); break;
    case PACE_NOT_YET: loop_line_put(&http->loop.line, c); break;
    case PACE_OVER: end_connection(load, c); break;
    }
}

static bool is_to_be_sent_again(const struct load *load, const struct connection *c, int64_t now_ns)
{
    return load->options.retry && (c->reply.status == 503 || c->reply.status == 429) &&
           now_ns < c->due_ns + RETRY_FOR_NS;
}

static void wait_to_retry(struct load *load, struct connection *c, int64_t now_ns)
{
    struct http *http = load->state;
    int64_t delay_ns = c->reply.retry_after_s == 0 ? RETRY_DEFAULT_NS : (int64_t)c->reply.retry_after_s * NS_PER_SECOND;
    load->totals.retried++;
    c->state = WAITING;
    c->retry_ns = (now_ns + delay_ns + RETRY_GRAIN_NS - 1) / RETRY_GRAIN_NS * RETRY_GRAIN_NS;
    http->retry_ns = c->retry_ns < http->retry_ns ? c->retry_ns : http->retry_ns;
}

static void count_reply(struct load *load, struct connection *c, int64_t now_ns)
{
    const struct http *http = load->state;
    histogram_add(&load->progress.recent, now_ns - c->due_ns);
    if (c->reply.status / 100 != 2) {
        load->totals.failed += load->body.events;
    } else if (load_count_reply(load, slice_after(buf_slice(&c->bytes), c->reply.head_length), 1, http->with_ids)) {
        load_acknowledge(load, c->payload.first);
    }
}

static void take_reply(struct load *load, struct connection *c)
{
    int64_t now_ns = clock_monotonic_ns();
    int hundreds = c->reply.status / 100;
    load->totals.statuses[hundreds < 6 ? hundreds : 0]++;
    if (is_to_be_sent_again(load, c, now_ns)) {
        wait_to_retry(load, c, now_ns);
    } else {
        count_reply(load, c, now_ns);
        c->state = FREE;
    }
    if (c->reply.close) {
        reconnect(load, c);
    }
    if (c->state == FREE) {
        set_free(load, c, now_ns);
    }
}

/* A short read is the end of what came, unless the server has hung up: the edge that says so comes once. True: it ended. */
static bool read_what_came(struct connection *c, bool hung_up)
{
    for (;;) {
        if (c->bytes.cap - c->bytes.len < REPLY_CAPACITY / 2 &&
            !buf_reserve(&c->bytes, c->bytes.cap + REPLY_CAPACITY)) {
            fail("out of memory for a reply of %zu bytes", c->bytes.len);
        }
        size_t room = c->bytes.cap - c->bytes.len;
        char *end = c->bytes.data + c->bytes.len;
        ssize_t n = c->secure == NULL ? read(c->fd, end, room) : secure_receive(c->secure, end, room);
        if (n <= 0) {
            return n == 0 || errno != EAGAIN;
        }
        c->bytes.len += (size_t)n;
        if ((size_t)n != room && !hung_up && c->secure == NULL) {
            return false;
        }
    }
}

static void take_bytes(struct load *load, struct connection *c, bool ended)
{
    enum reply_answer answer = reply_parse(&c->reply, buf_slice(&c->bytes));
    if (answer == REPLY_WHOLE) {
        c->reply.close |= ended;
        take_reply(load, c);
    } else if (answer == REPLY_BAD || ended) {
        lose_connection(load, c);
    }
}

static void serve(struct load *load, void *connection, uint32_t events)
{
    struct connection *c = connection;
    bool hung_up = (events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)) != 0;
    if (c->state == BUSY && (events & EPOLLOUT) != 0 && c->sent < c->length) {
        send_rest(load, c);
    }
    if (c->state == CLOSED || (!hung_up && (events & EPOLLIN) == 0)) {
        return;
    }
    bool ended = read_what_came(c, hung_up);
    if (c->state == BUSY) {
        take_bytes(load, c, ended);
    } else if (ended) {
        reconnect(load, c);
    }
}

static void send_retries(struct load *load, int64_t now_ns)
{
    struct http *http = load->state;
    http->retry_ns = PACE_NEVER;
    for (size_t i = 0; i < load->options.connections; i++) {
        struct connection *c = &http->connections[i];
        if (c->state == WAITING && c->retry_ns <= now_ns) {
            send_request(load, c);
        } else if (c->state == WAITING && c->retry_ns < http->retry_ns) {
            http->retry_ns = c->retry_ns;
        }
    }
}

static int64_t feed(struct load *load, int64_t now_ns)
{
    struct http *http = load->state;
    if (http->retry_ns <= now_ns) {
        send_retries(load, now_ns);
    }
    int64_t due_ns = pace_next_ns(&load->pace);
    for (struct connection *c; due_ns <= now_ns && (c = loop_line_take(&http->loop.line)) != NULL;) {
        if (c->state == FREE) {
            set_free(load, c, now_ns);
        }
        due_ns = pace_next_ns(&load->pace);
    }
    int64_t wake_ns = http->loop.line.count == 0 ? PACE_NEVER : due_ns;
    return http->retry_ns < wake_ns ? http->retry_ns : wake_ns;
}

static void open_connections(struct load *load)
{
    static struct http http = { .retry_ns = PACE_NEVER };
    const struct options *o = &load->options;
    load->state = &http;
    load->open = o->connections;
    http.with_ids = strstr(o->path, "ids=1") != NULL || (strstr(o->path, "ids=0") == NULL && o->bulk <= IDS_MAX);
    http.head_room = (size_t)print_head(load, NULL, 0, 0);
    http.loop.serve = serve;
    http.loop.feed = feed;
    loop_init(&http.loop, o->connections);
    http.connections = must_allocate(o->connections * sizeof *http.connections);
    for (size_t i = 0; i < o->connections; i++) {
        struct connection *c = &http.connections[i];
        load_new_payload(load, &c->payload, http.head_room);
        c->request = c->payload.bytes - http.head_room;
        if (!connect_one(load, c)) {
            fail_errno("connect");
        }
        loop_line_put(&http.loop.line, c);
    }
}

static void run(struct load *load)
{
    struct http *http = load->state;
    loop_run(&http->loop, load);
}

const struct protocol http_protocol = { "requests", open_connections, run, NULL };
