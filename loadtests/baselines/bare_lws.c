/* Answers every POST with the same 202 by libwebsockets' own HTTP role, which reads the body and looks at nothing: the
 * least that a server built on that library pays. One thread. Prints {"port":N} when it listens; SIGTERM ends it. */
#include <libwebsockets.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_CAPACITY 512

static volatile sig_atomic_t stopping;

static const char reply[] = "{\"id\":\"00000000-0000-8000-8000-000000000000\",\"status\":\"accepted\"}";

static void on_signal(int number)
{
    (void)number;
    stopping = 1;
}

/* Head and body in one write: HTTP/1.1 takes it so, and two would be two packets. */
static int send_reply(struct lws *wsi)
{
    unsigned char bytes[LWS_PRE + HEAD_CAPACITY + sizeof reply];
    unsigned char *from = bytes + LWS_PRE, *at = from, *end = from + HEAD_CAPACITY;
    if (lws_add_http_common_headers(wsi, 202, "application/json", sizeof reply - 1, &at, end) != 0 ||
        lws_finalize_http_header(wsi, &at, end) != 0) {
        return -1;
    }
    memcpy(at, reply, sizeof reply - 1);
    at += sizeof reply - 1;
    int sent = lws_write(wsi, from, (size_t)(at - from), LWS_WRITE_HTTP_FINAL);
    return sent == (int)(at - from) && lws_http_transaction_completed(wsi) == 0 ? 0 : -1;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    (void)user;
    switch (reason) {
    case LWS_CALLBACK_HTTP:
    case LWS_CALLBACK_HTTP_BODY: return 0;
    case LWS_CALLBACK_HTTP_BODY_COMPLETION: return send_reply(wsi);
    default: return lws_callback_http_dummy(wsi, reason, user, in, len);
    }
}

static const struct lws_protocols protocols[] = { { .name = "http", .callback = on_event }, { 0 } };

int main(void)
{
    struct lws_context_creation_info info = {
        .iface = "127.0.0.1",
        .port = 0,
        .protocols = protocols,
        .keepalive_timeout = 60,
        .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
        .fd_limit_per_thread = 20000,
    };
    lws_set_log_level(LLL_ERR, NULL);
    signal(SIGTERM, on_signal);
    struct lws_context *context = lws_create_context(&info);
    struct lws_vhost *vhost = context == NULL ? NULL : lws_create_vhost(context, &info);
    if (vhost == NULL) {
        fputs("bare_lws: libwebsockets does not listen on a free port of 127.0.0.1\n", stderr);
        return EXIT_FAILURE;
    }
    printf("{\"port\":%d}\n", lws_get_vhost_listen_port(vhost));
    fflush(stdout);
    while (!stopping && lws_service(context, 0) >= 0) {
    }
    lws_context_destroy(context);
    return EXIT_SUCCESS;
}
