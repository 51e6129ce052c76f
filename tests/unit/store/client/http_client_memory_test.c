/* A request to a store while memory is short: an answer that is whole, or a failure that says what became of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "failing_malloc.h"
#include "store/client/http_client.h"

#define ANSWER_BYTES 4000

/* Answers every request with 200 and ANSWER_BYTES, whatever it says. */
static void *answer_all(void *opaque)
{
    int listener = *(int *)opaque;
    static char answer[ANSWER_BYTES + 128];
    int head = snprintf(answer, 128, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", ANSWER_BYTES);
    memset(answer + head, 'a', ANSWER_BYTES);
    for (int fd; (fd = accept(listener, NULL, NULL)) >= 0; close(fd)) {
        char bytes[8192];
        size_t len = 0;
        for (ssize_t got; (got = recv(fd, bytes + len, sizeof bytes - 1 - len, 0)) > 0;) {
            len += (size_t)got;
            bytes[len] = '\0';
            if (strstr(bytes, "the body") != NULL) {
                len = 0;
                send(fd, answer, (size_t)head + ANSWER_BYTES, MSG_NOSIGNAL);
            }
        }
    }
    return NULL;
}

static int listen_somewhere(char url[64])
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    snprintf(url, 64, "http://127.0.0.1:%d/?", ntohs(address.sin_port));
    return fd;
}

static enum http_fate post(struct http_client *client, const char *url, size_t first, size_t span)
{
    struct buf answer = { 0 };
    struct http_result result;
    struct slice body = SLICE("the body");
    struct http_call request = { .url = url, .user = "", .password = "", .body = gather_one(&body) };
    request.answer = &answer;
    request.max_answer = 1 << 20;
    request.timeout_ms = 10000;
    malloc_fail(first, span);
    http_post(client, &request, &result);
    (void)malloc_has_failed();
    assert_true(result.fate != HTTP_ANSWERED || (result.status == 200 && answer.len == ANSWER_BYTES));
    assert_true(result.fate == HTTP_ANSWERED || result.failure[0] != '\0');
    buf_release(&answer);
    return result.fate;
}

/* Each failure leaves a client that is as good as before; libcurl's own reset left one that wrote over its buffer. */
static void a_request_is_made_whole_or_not_and_the_next_one_is(void **state)
{
    static const size_t spans[] = { 1, 10000 }; /* one allocation fails, or all from there on */
    char url[64];
    pthread_t thread;
    (void)state;
    int listener = listen_somewhere(url);
    assert_int_equal(pthread_create(&thread, NULL, answer_all, &listener), 0);
    struct http_client *client = http_client_new();
    for (size_t span = 0; span < ARRAY_LENGTH(spans); span++) {
        for (size_t first = 0; first < 120; first++) {
            (void)post(client, url, first, spans[span]);
            assert_int_equal(post(client, url, 0, 0), HTTP_ANSWERED);
        }
    }
    http_client_free(client);
    shutdown(listener, SHUT_RDWR);
    pthread_join(thread, NULL);
    close(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_made_whole_or_not_and_the_next_one_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
