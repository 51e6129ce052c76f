/* Turns due messages into frames on WebSockets, at most --window of a connection not acknowledged, and acknowledgements
 * into counts. Idle connections (--idle) only answer pings. */
#include "fail.h"
#include "loop.h"
#include "ws_connection.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <sys/epoll.h>

#define BUSY_IN_CAPACITY (1 << 20) /* an acknowledgement may name many errors */
#define NORMAL_CLOSE 1000
#define NO_CLOSE_CODE 1005
#define NO_CLOSE_FRAME 1006

struct message {
    uint64_t first; /* place of its first event in the order of sending */
    int64_t due_ns;
};

struct connection {
    struct ws_connection ws;
    bool idle;
    bool in_line;
    bool closing;           /* our close frame is sent */
    struct message *window; /* message n is at n % --window */
    uint64_t messages;      /* sent */
    uint64_t acked;         /* acked <= messages <= acked + --window */
};

struct ws {
    struct loop loop;
    struct connection *connections; /* the busy ones, then the idle ones */
    struct payload payload;         /* the message being written */
};

static void put_message(struct load *load, struct connection *c, int64_t due_ns)
{
    struct ws *ws = load->state;
    load_next_payload(load, &ws->payload);
    c->window[++c->messages % load->options.window] = (struct message){ ws->payload.first, due_ns };
    ws_put_frame(&c->ws, load->compressor == NULL ? WS_TEXT : WS_BINARY, ws->payload.bytes, ws->payload.length);
}

static void put_close(struct connection *c)
{
    ws_put_frame(&c->ws, WS_CLOSE, "\x03\xe8", 2);
    c->closing = true;
}

/* Fills the window with what is due; says goodbye once the load is over and all is acknowledged. */
static void put_more(struct load *load, struct connection *c)
{
    struct ws *ws = load->state;
    while (!c->closing && !c->in_line && c->messages - c->acked < load->options.window) {
        int64_t due_ns;
        switch (pace_take(&load->pace, clock_monotonic_ns(), &due_ns)) {
        case PACE_DUE: put_message(load, c, due_ns); break;
        case PACE_NOT_YET:
            loop_line_put(&ws->loop.line, c);
            c->in_line = true;
            break;
        case PACE_OVER:
            if (c->messages == c->acked) {
                put_close(c);
            }
            return;
        }
    }
}

/* `upto` is at most what was sent. */
static void acknowledge(struct load *load, struct connection *c, uint64_t upto, bool right)
{
    int64_t now_ns = clock_monotonic_ns();
    while (c->acked < upto) {
        const struct message *message = &c->window[++c->acked % load->options.window];
        histogram_add(&load->progress.recent, now_ns - message->due_ns);
        if (right) {
            load_acknowledge(load, message->first);
        }
    }
}

static void take_ack(struct load *load, struct connection *c, struct slice text)
{
    uint64_t upto = reply_number(text, SLICE("\"ack\":"));
    load->totals.acks++;
    if (upto > c->messages || upto < c->acked) {
        load->totals.wrong++;
        upto = upto > c->messages ? c->messages : c->acked;
        acknowledge(load, c, upto, false);
        return;
    }
    acknowledge(load, c, upto, load_count_reply(load, text, upto - c->acked, false));
}

static void end_connection(struct load *load, struct connection *c, unsigned code)
{
    struct totals *totals = &load->totals;
    totals->close_codes[code < CLOSE_CODES ? code : 0]++;
    totals->failed += (c->messages - c->acked) * load->body.events;
    if (!c->closing && c->idle) {
        totals->lost_idle++;
    } else if (!c->closing || code != NORMAL_CLOSE) {
        totals->lost_connections++;
    }
    load->open -= !c->idle;
    ws_close(&c->ws);
}

static bool take_frame(void *context, struct ws_connection *ws, enum ws_opcode opcode, struct slice payload)
{
    struct load *load = context;
    struct connection *c = (struct connection *)((char *)ws - offsetof(struct connection, ws));
    const uint8_t *bytes = (const uint8_t *)payload.data;
    switch (opcode) {
    case WS_TEXT: take_ack(load, c, payload); return true;
    case WS_PING:
        load->totals.pings++;
        ws_put_frame(ws, WS_PONG, payload.data, payload.len);
        return true;
    case WS_CLOSE:
        end_connection(load, c, payload.len < 2 ? NO_CLOSE_CODE : (unsigned)(bytes[0] << 8 | bytes[1]));
        return false;
    default: return true;
    }
}

static void send_more(struct load *load, struct connection *c)
{
    if (!c->idle) {
        put_more(load, c);
    }
    if (!ws_send(&c->ws)) {
        end_connection(load, c, NO_CLOSE_FRAME);
    }
}

static void serve(struct load *load, void *connection, uint32_t events)
{
    struct connection *c = connection;
    bool ended = false;
    if (c->ws.fd < 0) {
        return;
    }
    bool hung_up = (events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)) != 0;
    bool readable = hung_up || (events & EPOLLIN) != 0;
    if (!readable || ws_receive(&c->ws, hung_up, take_frame, load, &ended)) {
        send_more(load, c);
    } else if (ended) {
        end_connection(load, c, NO_CLOSE_FRAME);
    }
}

/* Without a busy connection the run lasts as long as it was told to. */
static int64_t feed_nobody(struct load *load, int64_t now_ns)
{
    int64_t end_ns = load->pace.start_ns + load->pace.length_ns;
    load->open = now_ns < end_ns ? 1 : 0;
    return end_ns;
}

static int64_t feed(struct load *load, int64_t now_ns)
{
    struct ws *ws = load->state;
    if (load->options.connections == 0) {
        return feed_nobody(load, now_ns);
    }
    for (struct connection *c; pace_next_ns(&load->pace) <= now_ns && (c = loop_line_take(&ws->loop.line)) != NULL;) {
        c->in_line = false;
        if (c->ws.fd >= 0) {
            send_more(load, c);
        }
    }
    return ws->loop.line.count == 0 ? PACE_NEVER : pace_next_ns(&load->pace);
}

static void open_one(struct load *load, size_t number)
{
    struct ws *ws = load->state;
    const struct options *o = &load->options;
    struct connection *c = &ws->connections[number];
    c->idle = number >= o->connections;
    c->window = c->idle ? NULL : must_allocate(o->window * sizeof *c->window);
    bool any = o->addresses == 1;
    struct in_addr from = { htonl(any ? INADDR_ANY : INADDR_LOOPBACK + (uint32_t)(number % o->addresses)) };
    size_t messages = c->idle ? 0 : o->window * (WS_HEADER_MAX + load->bound);
    ws_open(&c->ws, o, from, c->idle ? WS_CONTROL_ROOM : BUSY_IN_CAPACITY, WS_CONTROL_ROOM + messages);
    loop_watch(&ws->loop, c->ws.fd, c);
    if (!c->idle) {
        loop_line_put(&ws->loop.line, c);
        c->in_line = true;
        load->open++;
    }
}

static void open_connections(struct load *load)
{
    static struct ws ws = { .loop.serve = serve, .loop.feed = feed };
    size_t count = load->options.connections + load->options.idle;
    load->state = &ws;
    loop_init(&ws.loop, count);
    load_new_payload(load, &ws.payload, 0);
    ws.connections = must_allocate(count * sizeof *ws.connections);
    for (size_t i = 0; i < count; i++) {
        open_one(load, i);
    }
}

static void run(struct load *load)
{
    struct ws *ws = load->state;
    loop_run(&ws->loop, load);
}

static int64_t feed_goodbyes(struct load *load, int64_t now_ns)
{
    (void)load, (void)now_ns;
    return PACE_NEVER;
}

/* The idle ones are waited for only now. */
static void close_connections(struct load *load)
{
    struct ws *ws = load->state;
    ws->loop.feed = feed_goodbyes;
    for (size_t i = load->options.connections; i < load->options.connections + load->options.idle; i++) {
        struct connection *c = &ws->connections[i];
        if (c->ws.fd >= 0) {
            load->open++;
            c->idle = false;
            put_close(c);
            send_more(load, c);
        }
    }
    loop_run(&ws->loop, load);
}

const struct protocol ws_protocol = { "messages", open_connections, run, close_connections };
