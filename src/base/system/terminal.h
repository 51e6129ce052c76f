/* What a SIGHUP means: a reload, or a terminal that has closed. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/* What is known of the terminal that this process was started on. */
struct terminal {
    bool looked;
    bool controls;   /* it is there */
    int64_t lost_ns; /* when it was first seen to be gone; 0: not */
    bool is_ignored; /* SIGHUP was, at the start, as nohup does it */
};

/* The first time when the process starts, then about once a second. */
void terminal_look(struct terminal *terminal, int64_t now_ns);

/* What a SIGHUP means. The kernel sends it when the terminal hangs up, a shell passes it on to its jobs then; whoever else
 * sends one wants a reload. */
enum hangup { HANGUP_IS_RELOAD, HANGUP_IS_END, HANGUP_IS_NOTHING };
enum hangup terminal_hangup(struct terminal *terminal, const siginfo_t *info, int64_t now_ns);
