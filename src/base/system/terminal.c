/* Turns who sent a SIGHUP, and what has become of the terminal, into what is wanted. */
#include "base/system/terminal.h"

#include "base/clock.h"

#include <fcntl.h>
#include <unistd.h>

/* How long after its terminal has gone a shell may still pass the signal on. */
#define LATE_SHELL_NS (10 * NS_PER_SECOND)

static bool has_terminal(void)
{
    int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return false;
    }
    close(fd);
    return true;
}

/* As nohup starts us. */
static bool is_ignored(int number)
{
    struct sigaction action;
    return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

void terminal_look(struct terminal *terminal, int64_t now_ns)
{
    bool may_be_there = terminal->controls || !terminal->looked; /* a daemon does not get one later */
    bool there = may_be_there && has_terminal();
    if (terminal->controls && !there) {
        terminal->lost_ns = now_ns;
    }
    if (!terminal->looked) {
        terminal->is_ignored = is_ignored(SIGHUP);
    }
    terminal->looked = true;
    terminal->controls = there;
}

enum hangup terminal_hangup(struct terminal *terminal, const siginfo_t *info, int64_t now_ns)
{
    terminal_look(terminal, now_ns);
    bool of_kernel = info->si_code == SI_KERNEL;
    if (terminal->is_ignored) {
        return of_kernel ? HANGUP_IS_NOTHING : HANGUP_IS_RELOAD;
    }
    bool just_lost = terminal->lost_ns != 0 && now_ns - terminal->lost_ns < LATE_SHELL_NS;
    return of_kernel || just_lost ? HANGUP_IS_END : HANGUP_IS_RELOAD;
}
