/* Turns a configuration into a gateway that runs until it is told to stop. */
#include "command/serve_command.h"
#include "base/system/terminal.h"
#include "command/stop.h"
#include "config/config.h"
#include "config/describe/describe.h"
#include "gateway.h"
#include "memory_plan.h"
#include "start_line.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/system/private_process.h"
#include "base/system/service.h"

#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum exit_code { EXIT_GOOD = 0, EXIT_FAILED = 1, EXIT_BAD_CONFIG = 2 };

struct arguments {
    const char *config;
    bool check;
    bool example;
};

static void print_options(void)
{
    struct buf out = { 0 };
    config_describe(&out);
    fwrite(out.data, 1, out.len, stdout);
    buf_release(&out);
}

/* False if there is nothing left to do; *code is then the exit code. */
static bool parse_arguments(int argc, char **argv, struct arguments *arguments, int *code)
{
    *code = EXIT_GOOD;
    for (int option; (option = command_next_option(&serve_command, argc, argv)) != -1;) {
        switch (option) {
        case 'c': arguments->config = optarg; break;
        case 'K': arguments->check = true; break;
        case 'E': arguments->example = true; break;
        case 'O': print_options(); return false;
        default: *code = command_explain_use(&serve_command); return false;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "sluice: unexpected argument \"%s\"; `sluice help` tells of the commands\n", argv[optind]);
        *code = command_explain_use(&serve_command);
        return false;
    }
    return true;
}

static void print_problem(const char *what, struct buf *problem)
{
    while (problem->len > 0 && problem->data[problem->len - 1] == '\n') {
        problem->len--;
    }
    fprintf(stderr, "sluice: %s\n%.*s\n", what, (int)problem->len, problem->data ? problem->data : "");
}

static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* The service manager's watchdog: it gets a sign of life at each third of its time, as long as no thread is stuck. */
struct watch {
    int64_t limit_ns; /* 0: there is no watchdog */
    int64_t next_ns;
    const char *stuck; /* what was, when it was last asked; NULL: nothing */
};

static int64_t tick_ns(const struct watch *watch)
{
    bool is_short = watch->limit_ns != 0 && watch->limit_ns / 3 < NS_PER_SECOND;
    return is_short ? watch->limit_ns / 3 : NS_PER_SECOND;
}

static void say_serving(const char *word, const struct gateway *gateway)
{
    struct buf addresses = { 0 };
    gateway_http_addresses(gateway, &addresses);
    service_say("%s on %s", word, buf_c_string(&addresses));
    buf_release(&addresses);
}

static void tell_stuck(struct watch *watch, const struct gateway *gateway, const char *stuck)
{
    if (stuck != NULL && watch->stuck == NULL) {
        LOG(LOG_ERROR, "stuck", "%s has not come round for %lld s; the watchdog is not answered until it does", stuck,
            (long long)(watch->limit_ns / NS_PER_SECOND));
        service_say("stuck: %s", stuck);
    } else if (stuck == NULL && watch->stuck != NULL) {
        LOG(LOG_INFO, "no longer stuck", "%s goes on", watch->stuck);
        say_serving("serving again", gateway);
    }
    watch->stuck = stuck;
}

static void give_sign_of_life(struct watch *watch, const struct gateway *gateway)
{
    int64_t now_ns = clock_monotonic_ns();
    if (watch->limit_ns == 0 || now_ns < watch->next_ns) {
        return;
    }
    tell_stuck(watch, gateway, gateway_stuck(gateway, watch->limit_ns));
    if (watch->stuck == NULL) {
        service_alive();
        watch->next_ns = now_ns + watch->limit_ns / 3 - tick_ns(watch) / 2; /* the tick nearest to a third */
    }
}

/* What other programs take as an order, and would end this one: a log line says what it means here. */
static bool is_of_no_meaning(int number)
{
    return number == SIGUSR1 || number == SIGUSR2;
}

static void tell_no_meaning(int number)
{
    LOG(LOG_INFO, "signal ignored", "SIG%s means nothing here: SIGTERM stops, SIGHUP reads the configuration anew",
        sigabbrev_np(number));
}

static void reload(const char *path, struct gateway *gateway)
{
    service_reloading();
    service_say("reloading %s", path);
    gateway_reload(gateway, path);
    service_ready();
    say_serving("serving", gateway);
}

/* What a signal asks for, of which there is none if `number` is negative. Does it end the process? */
static bool is_end(int number, const siginfo_t *info, struct terminal *terminal, const char *path,
                   struct gateway *gateway)
{
    if (is_of_no_meaning(number)) {
        tell_no_meaning(number);
        return false;
    }
    if (number != SIGHUP) {
        return number > 0;
    }
    switch (terminal_hangup(terminal, info, clock_monotonic_ns())) {
    case HANGUP_IS_END: return true;
    case HANGUP_IS_NOTHING: return false;
    case HANGUP_IS_RELOAD: break;
    }
    reload(path, gateway);
    return false;
}

/* Ticks until a signal comes that ends it. */
static int wait_for_signal(const sigset_t *signals, struct terminal *terminal, const char *path,
                           struct gateway *gateway)
{
    struct watch watch = { .limit_ns = service_watchdog_ns() };
    struct timespec tick = { .tv_sec = (time_t)(tick_ns(&watch) / NS_PER_SECOND),
                             .tv_nsec = (long)(tick_ns(&watch) % NS_PER_SECOND) };
    int number;
    siginfo_t info;
    do {
        give_sign_of_life(&watch, gateway);
        gateway_tick(gateway);
        terminal_look(terminal, clock_monotonic_ns());
        number = sigtimedwait(signals, &info, &tick);
    } while (!is_end(number, &info, terminal, path, gateway));
    return number;
}

/* What would end the process for no good reason: a timer of somebody who started us, a write to a socket or terminal that
 * is gone, a file that reaches `ulimit -f` (the write then fails, as one to a full disk does). SIGQUIT stays what it is:
 * a core for whoever asks for one. */
static void ignore_signals(void)
{
    static const int ignored[] = { SIGPIPE, SIGXFSZ, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGPWR };
    for (size_t i = 0; i < ARRAY_LENGTH(ignored); i++) {
        signal(ignored[i], SIG_IGN);
    }
}

/* Signals are blocked before any thread (the engine's included) is started, so that only this one takes them: SIGHUP even if
 * it is ignored, as it may ask for a reload. */
static void block_signals(sigset_t *signals)
{
    sigemptyset(signals);
    sigaddset(signals, SIGTERM);
    sigaddset(signals, SIGINT);
    sigaddset(signals, SIGUSR1);
    sigaddset(signals, SIGUSR2);
    sigaddset(signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, signals, NULL);
}

/* malloc raises this bound when a larger block is freed, to twice 16 MiB, and keeps in its heaps what is smaller: a burst of
 * large bodies left hundreds of MiB behind. */
static void have_large_blocks_given_back(void)
{
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
    mallopt(M_TRIM_THRESHOLD, 8 << 20);
}

static int serve(const struct config *config, const struct arguments *arguments)
{
    sigset_t signals;
    struct terminal terminal = { 0 };
    terminal_look(&terminal, clock_monotonic_ns());
    if (config->log.core_dumps) {
        private_memory_end();
    }
    block_signals(&signals);
    ignore_signals();
    raise_file_limit();
    have_large_blocks_given_back();

    start_line_variables(config);
    struct buf problem = { 0 };
    struct gateway *gateway = gateway_start(config, &problem);
    if (gateway == NULL) {
        print_problem("cannot start:", &problem);
        buf_release(&problem);
        return EXIT_FAILED;
    }
    buf_release(&problem);
    say_serving("serving", gateway);
    service_ready();
    start_line_log(config, gateway);
    if (arguments->example) {
        start_line_example(config, gateway);
    }

    int number = wait_for_signal(&signals, &terminal, arguments->config, gateway);
    config = gateway_config(gateway); /* of the last reload */
    stop_gateway(gateway, number, config->drain.timeout_ns, config->journal.durability != DURABILITY_MEMORY);
    return EXIT_GOOD;
}

/* "sluice.yaml: good, 1 stream, 2 routes" */
static void print_parts(const struct config *config, const char *path)
{
    const struct {
        size_t count;
        const char *one, *many;
    } parts[] = {
        { config->stream_count, "stream", "streams" },
        { config->route_count, "route", "routes" },
        { config->query_count, "query", "queries" },
        { config->lookup_count, "lookup", "lookups" },
        { config->page_count, "page", "pages" },
        { config->files_count, "folder of files", "folders of files" },
        { config->setup_count, "file of setup", "files of setup" },
    };
    printf("%s: good", path);
    for (size_t i = 0; i < ARRAY_LENGTH(parts); i++) {
        if (parts[i].count != 0) {
            printf(", %zu %s", parts[i].count, parts[i].count == 1 ? parts[i].one : parts[i].many);
        }
    }
    putchar('\n');
}

static int run(int argc, char **argv)
{
    struct arguments arguments = { .config = DEFAULT_CONFIG };
    int code;
    if (!parse_arguments(argc, argv, &arguments, &code)) {
        return code;
    }
    struct config config;
    struct buf problems = { 0 };
    if (!config_load(&config, arguments.config, config_environment, &problems) || !gateway_check(&config, &problems)) {
        print_problem("the configuration cannot be used:", &problems);
        buf_release(&problems);
        config_free(&config);
        return EXIT_BAD_CONFIG;
    }
    buf_release(&problems);
    log_init(config.log.level, config.log.format);
    if (arguments.check) {
        start_line_doubts(&config);
        struct memory_plan plan = memory_plan_here(&config);
        print_parts(&config, arguments.config);
        printf("memory: at most %llu MiB\n", (unsigned long long)(plan.most >> 20));
    } else {
        code = serve(&config, &arguments);
    }
    config_free(&config);
    return code;
}

static const struct command_option options[] = {
    COMMAND_CONFIG_OPTION,
    { .name = "check", .help = "check the configuration and end: exit code 0 if it is good, 2 if not", .letter = 'K' },
    { .name = "example", .help = "once it serves, print a curl command that stores an event", .letter = 'E' },
    { .name = "options", .help = "print every option of the configuration, as a page of Markdown", .letter = 'O' },
    { 0 },
};

const struct command serve_command = {
    .name = "serve",
    .usage = "[--config FILE] [--check] [--example]",
    .summary = "take events and bring them into ClickHouse",
    .help = "SIGTERM or SIGINT drains: replies are finished, events stored. Another one exits at once: what was "
            "acknowledged is in the journal, and is stored after the next start.\n\n"
            "SIGHUP reads the configuration anew. That of a terminal that closes drains.\n\n"
            "Exit code: 0 after a stop, 1 if it could not start, 2 if the configuration or the command line cannot be "
            "used, 3 if a second signal cut the stop short.",
    .options = options,
    .run = run,
};
