/* What the HTTP client does when a server goes away, or its name means another address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/thread.h"
#include "store/client/http_client.h"

#define ANSWER "HTTP/1.1 200 OK\r\nX-ClickHouse-Server-Display-Name: here\r\nContent-Length: 0\r\n\r\n"

/* Where every name leads; libcurl asks this getaddrinfo, as it is the program's. */
static _Atomic(const char *) address_of_names = "127.0.0.1";
static _Atomic int lookups;

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
    struct {
        struct addrinfo info;
        struct sockaddr_in address;
    } *one = calloc(1, sizeof *one);
    (void)name;
    (void)hints;
    lookups++;
    one->address.sin_family = AF_INET;
    one->address.sin_port = htons((uint16_t)atoi(service == NULL ? "0" : service));
    inet_pton(AF_INET, address_of_names, &one->address.sin_addr);
    one->info = (struct addrinfo){ .ai_family = AF_INET,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_protocol = IPPROTO_TCP,
                                   .ai_addrlen = sizeof one->address,
                                   .ai_addr = (struct sockaddr *)(void *)&one->address };
    *found = &one->info;
    return 0;
}

void freeaddrinfo(struct addrinfo *info)
{
    free(info);
}

/* Answers every request that it reads in one piece, `answers` times; then it closes what comes, or itself. */
struct server {
    int listener;
    uint16_t port;
    int answers;
    _Atomic int connection;
    struct thread thread;
};

static void serve(void *context)
{
    struct server *server = context;
    int fd;
    while ((fd = accept(server->listener, NULL, NULL)) >= 0) {
        char request[4096];
        server->connection = fd;
        while (server->answers > 0 && recv(fd, request, sizeof request, 0) > 0) {
            server->answers--;
            if (send(fd, ANSWER, sizeof ANSWER - 1, MSG_NOSIGNAL) < 0) {
                break;
            }
        }
        server->connection = -1;
        close(fd);
    }
}

static void server_start(struct server *server, const char *address, uint16_t port, int answers)
{
    struct sockaddr_in place = { .sin_family = AF_INET, .sin_port = htons(port) };
    socklen_t len = sizeof place;
    int on = 1;
    inet_pton(AF_INET, address, &place.sin_addr);
    *server = (struct server){ .listener = socket(AF_INET, SOCK_STREAM, 0), .answers = answers, .connection = -1 };
    setsockopt(server->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    assert_int_equal(bind(server->listener, (struct sockaddr *)&place, len), 0);
    assert_int_equal(listen(server->listener, 8), 0);
    getsockname(server->listener, (struct sockaddr *)&place, &len);
    server->port = ntohs(place.sin_port);
    assert_int_equal(thread_start(&server->thread, "server", serve, server), OK);
}

static void server_stop(struct server *server)
{
    shutdown(server->listener, SHUT_RDWR);
    shutdown(server->connection, SHUT_RDWR);
    thread_join(&server->thread);
    close(server->listener);
}

static void post(struct http_client *client, uint16_t port, struct http_result *result)
{
    char url[64];
    struct slice body = SLICE("x");
    struct buf answer = { 0 };
    snprintf(url, sizeof url, "http://store.example:%u/?", port);
    struct http_call request = { .url = url,
                                 .user = "",
                                 .password = "",
                                 .body = gather_one(&body),
                                 .connect_timeout_ms = 1000,
                                 .timeout_ms = 3000,
                                 .answer = &answer,
                                 .max_answer = 1000 };
    http_post(client, &request, result);
    buf_release(&answer);
}

static void finds_a_server_that_moved_at_the_next_attempt(void **state)
{
    struct server old, new;
    struct http_result result;
    struct http_client *client = http_client_new();
    (void)state;
    address_of_names = "127.0.0.1";
    server_start(&old, "127.0.0.1", 0, 100);
    server_start(&new, "127.0.0.2", old.port, 100);
    post(client, old.port, &result);
    assert_int_equal(result.fate, HTTP_ANSWERED);
    post(client, old.port, &result);
    int before = lookups;
    address_of_names = "127.0.0.2";
    server_stop(&old);
    post(client, old.port, &result); /* the kept connection, or the address that is remembered */
    assert_int_not_equal(result.fate, HTTP_ANSWERED);
    post(client, old.port, &result);
    if (result.fate == HTTP_NOT_SENT) { /* the kept connection was lost, and the first connect failed */
        post(client, old.port, &result);
    }
    assert_int_equal(result.fate, HTTP_ANSWERED);
    assert_true(lookups > before);
    before = lookups;
    post(client, old.port, &result); /* what works is remembered */
    assert_int_equal(result.fate, HTTP_ANSWERED);
    assert_int_equal(lookups, before);
    server_stop(&new);
    http_client_free(client);
}

static void says_what_happened_to_the_connection(void **state)
{
    struct server server;
    struct http_result result;
    struct http_client *client = http_client_new();
    (void)state;
    address_of_names = "127.0.0.1";
    server_start(&server, "127.0.0.1", 0, 1);
    post(client, server.port, &result);
    assert_int_equal(result.fate, HTTP_ANSWERED);
    assert_true(result.from_clickhouse);
    assert_string_equal(result.server, "here");
    for (int i = 0; i < 3;
         i++) { /* on the kept connection, which is closed, and on fresh ones, which are closed unanswered */
        post(client, server.port, &result);
        assert_int_equal(result.fate, HTTP_LOST);
        assert_null(strstr(result.failure, "rewind"));
        assert_non_null(strstr(result.failure, "onnection"));
        assert_false(result.from_clickhouse);
    }
    server_stop(&server);
    post(client, server.port, &result);
    assert_int_equal(result.fate, HTTP_NOT_SENT);
    http_client_free(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_a_server_that_moved_at_the_next_attempt),
        cmocka_unit_test(says_what_happened_to_the_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
