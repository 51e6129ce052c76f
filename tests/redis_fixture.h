/* A real redis-server for unit tests, on a UNIX socket in a folder of its own, ended by its own pid. */
#pragma once

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "pipeline/dedup/redis_command.h"
#include "pipeline/dedup/redis_connection.h"

struct redis_fixture {
    char folder[64];
    char path[96];
    char url[160];
    pid_t pid;
};

static inline struct redis_connection *redis_fixture_connect(const struct redis_fixture *redis)
{
    struct redis_address address;
    struct buf problem = { 0 };
    struct redis_connection *connection = NULL;
    char url[160];
    snprintf(url, sizeof url, "redis+unix://%s", redis->path);
    if (redis_address_parse(&address, slice_from_string(url), &problem)) {
        connection = redis_connection_open(&address, NS_PER_SECOND, &problem);
        redis_address_release(&address);
    }
    buf_release(&problem);
    return connection;
}

/* Commands without regard to what they answer, in one round trip; false if one is an error. */
static inline bool redis_fixture_tell(const struct redis_fixture *redis, const char *const *words)
{
    struct redis_connection *connection = redis_fixture_connect(redis);
    struct buf command = { 0 };
    struct buf problem = { 0 };
    struct redis_answer answer = { .want = REDIS_WANT_DONE };
    redis_command(&command, words);
    bool done = connection != NULL && redis_connection_round_trip(connection, buf_slice(&command), &answer, 1,
                                                                  clock_monotonic_ns() + 5 * NS_PER_SECOND, &problem);
    redis_connection_close(connection);
    buf_release(&command);
    buf_release(&problem);
    return done;
}

#define REDIS_TELL(redis, ...) redis_fixture_tell(redis, (const char *const[]){ __VA_ARGS__, NULL })

/* Starts it (again) and waits until it answers. */
static inline bool redis_fixture_start(struct redis_fixture *redis)
{
    redis->pid = fork();
    if (redis->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* of a test that crashes */
        char log[128];
        snprintf(log, sizeof log, "%s/log", redis->folder);
        execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", redis->path, "--save", "", "--appendonly",
               "no", "--dir", redis->folder, "--logfile", log, (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 500; i++) {
        if (REDIS_TELL(redis, "PING")) {
            return true;
        }
        usleep(20000);
    }
    return false;
}

static inline void redis_fixture_kill(struct redis_fixture *redis)
{
    if (redis->pid > 0) {
        kill(redis->pid, SIGKILL);
        waitpid(redis->pid, NULL, 0);
        redis->pid = 0;
    }
}

static inline bool redis_fixture_init(struct redis_fixture *redis)
{
    *redis = (struct redis_fixture){ .folder = "/tmp/sluice-redis-XXXXXX" };
    if (mkdtemp(redis->folder) == NULL) {
        return false;
    }
    snprintf(redis->path, sizeof redis->path, "%s/socket", redis->folder);
    snprintf(redis->url, sizeof redis->url, "redis+unix://%s", redis->path);
    return redis_fixture_start(redis);
}

static inline void redis_fixture_release(struct redis_fixture *redis)
{
    char log[128];
    redis_fixture_kill(redis);
    snprintf(log, sizeof log, "%s/log", redis->folder);
    unlink(log);
    unlink(redis->path);
    rmdir(redis->folder);
}
