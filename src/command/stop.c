/* Turns the signal that ends the process into its end. */
#include "command/stop.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/system/service.h"
#include "base/thread.h"
#include "gateway.h"

#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

static void exit_at_once(int number)
{
    (void)number;
    _exit(EXIT_CUT_SHORT);
}

/* Waits for the second signal on a thread of its own, which may log. */
struct impatience {
    struct thread thread;
    struct gateway *gateway;
    bool keeps;
    sigset_t signals;
    atomic_bool over; /* the signal is ours: there is nothing to cut short any more */
};

static const char *fate_of_waiting(bool keeps)
{
    return keeps ? "wait in the journal" : "are lost (journal.durability is memory)";
}

static void cut_short(void *argument)
{
    struct impatience *impatience = argument;
    int number = 0;
    sigwait(&impatience->signals, &number);
    if (atomic_load(&impatience->over)) {
        return;
    }
    signal(SIGALRM, exit_at_once);
    alarm(1); /* nobody may read the log */
    LOG(LOG_WARN, "stop cut short", "signal=%d: %llu events that are not stored yet %s", number,
        (unsigned long long)gateway_waiting(impatience->gateway), fate_of_waiting(impatience->keeps));
    exit_at_once(number);
}

static void let_second_signal_kill(struct impatience *impatience, struct gateway *gateway, bool keeps)
{
    *impatience = (struct impatience){ .gateway = gateway, .keeps = keeps };
    sigemptyset(&impatience->signals);
    sigaddset(&impatience->signals, SIGTERM);
    sigaddset(&impatience->signals, SIGINT);
    if (thread_start(&impatience->thread, "impatience", cut_short, impatience) != OK) {
        pthread_sigmask(SIG_UNBLOCK, &impatience->signals, NULL); /* then without a word */
    }
}

static void end_impatience(struct impatience *impatience)
{
    atomic_store(&impatience->over, true);
    if (impatience->thread.started) {
        pthread_kill(impatience->thread.id, SIGTERM); /* NOLINT(bugprone-bad-signal-to-kill-thread): it waits for it */
    }
    thread_join(&impatience->thread);
}

void stop_gateway(struct gateway *gateway, int number, int64_t drain_ns, bool keeps)
{
    struct impatience impatience;
    let_second_signal_kill(&impatience, gateway, keeps);
    service_stopping(gateway_longest_stop_ns(gateway));
    service_say("draining: storing what waits, for at most %lld ms", (long long)(drain_ns / NS_PER_MS));
    LOG(LOG_INFO, "draining", "signal=%d timeout_ms=%lld", number, (long long)(drain_ns / NS_PER_MS));
    if (gateway_stop(gateway)) {
        LOG(LOG_INFO, "stopped", "everything is stored");
    } else {
        LOG(LOG_INFO, "stopped", "%llu events that are not stored yet %s", (unsigned long long)gateway_waiting(gateway),
            fate_of_waiting(keeps));
    }
    end_impatience(&impatience);
    gateway_free(gateway);
}
