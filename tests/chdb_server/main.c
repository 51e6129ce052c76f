/* chdb_server --port N --path DIR [--user U --password P] [--config FILE]: ClickHouse 26.7 (libchdb) behind as much of ClickHouse's
 * HTTP interface as Sluice's `clickhouse` store uses. For tests: a process of its own, to be killed at any moment.
 *
 * One thread per connection, one engine connection per request. Only on loopback. SIGTERM stops it in order. */
#include "execute.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define STOP_SECONDS 10

struct client {
    const struct engine *engine;
    int fd;
};

static volatile sig_atomic_t stopping;
static atomic_int busy; /* requests being executed */

static void on_signal(int number)
{
    (void)number;
    stopping = 1;
}

static void *serve(void *argument)
{
    struct client client = *(struct client *)argument;
    struct buf input = { 0 };
    struct request request;
    bool open = true;
    free(argument);
    while (open && !stopping && request_read(client.fd, &input, &request)) {
        struct answer answer = { 0 };
        atomic_fetch_add(&busy, 1);
        execute(client.engine, &request, &answer);
        atomic_fetch_sub(&busy, 1);
        open = answer_write(client.fd, &request, &answer) && request.keep_alive;
        request_release(&request);
        buf_release(&answer.body);
    }
    buf_release(&input);
    close(client.fd);
    return NULL;
}

static int listen_on(uint16_t port)
{
    int one = 1;
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons(port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 128) != 0) {
        fprintf(stderr, "chdb_server: port %u: %s\n", port, strerror(errno));
        return -1;
    }
    return fd;
}

static void accept_until_stopped(const struct engine *engine, int listener)
{
    while (!stopping) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        struct client *client = fd < 0 ? NULL : malloc(sizeof *client);
        pthread_t thread;
        int one = 1;
        if (client == NULL) {
            continue;
        }
        *client = (struct client){ engine, fd };
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        sigset_t all;
        sigset_t before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        if (pthread_create(&thread, NULL, serve, client) == 0) {
            pthread_detach(thread);
        } else {
            close(fd);
            free(client);
        }
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
}

static bool start_engine(struct engine *engine, const char *path, const char *config, chdb_connection **connection)
{
    struct buf problem = { 0 };
    char real[PATH_MAX];
    static char argument[PATH_MAX + 16];
    static char config_argument[PATH_MAX + 16];
    if (realpath(path, real) == NULL) {
        fprintf(stderr, "chdb_server: %s: %s\n", path, strerror(errno));
        return false;
    }
    if (!chdb_load(&engine->chdb, NULL, &problem)) {
        fprintf(stderr, "chdb_server: %s\n", buf_c_string(&problem));
        return false;
    }
    snprintf(argument, sizeof argument, "--path=%s", real);
    snprintf(config_argument, sizeof config_argument, "--config-file=%s", config == NULL ? "" : config);
    engine->path_argument = argument;
    const char *arguments[] = { argument, "--max_server_memory_usage=2000000000", "--mark_cache_size=67108864",
                                "--background_pool_size=2", config_argument };
    *connection = chdb_open(&engine->chdb, arguments, ARRAY_LENGTH(arguments) - (config == NULL));
    return *connection != NULL;
}

int main(int argc, char **argv)
{
    struct engine engine = { 0 };
    const char *path = NULL;
    const char *port = NULL;
    const char *config = NULL;
    chdb_connection *connection;
    for (int i = 1; i + 1 < argc; i += 2) {
        const char **value = strcmp(argv[i], "--port") == 0       ? &port
                             : strcmp(argv[i], "--path") == 0     ? &path
                             : strcmp(argv[i], "--config") == 0   ? &config
                             : strcmp(argv[i], "--user") == 0     ? &engine.user
                             : strcmp(argv[i], "--password") == 0 ? &engine.password
                                                                  : NULL;
        if (value == NULL) {
            port = NULL;
            break;
        }
        *value = argv[i + 1];
    }
    if (path == NULL || port == NULL || (engine.user != NULL && engine.password == NULL)) {
        fprintf(stderr, "usage: chdb_server --port N --path DIR [--user U --password P] [--config FILE]\n");
        return 2;
    }
    if (!start_engine(&engine, path, config, &connection)) {
        return 1;
    }
    struct sigaction action = { .sa_handler = on_signal };
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    int listener = listen_on((uint16_t)atoi(port));
    if (listener < 0) {
        return 1;
    }
    accept_until_stopped(&engine, listener);
    close(listener);
    for (int i = 0; i < STOP_SECONDS * 100 && atomic_load(&busy) != 0; i++) {
        usleep(10000);
    }
    engine.chdb.close_conn(connection);
    _exit(0);
}
