/* The end of a gateway that serves. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct gateway;

#define EXIT_CUT_SHORT 3

/* Drains after the signal of this number for at most `drain_ns`, says how it goes to the log and to systemd, and frees the gateway.
 * `keeps`: the journal outlives the process. A second SIGTERM
 * or SIGINT ends the process at once, with EXIT_CUT_SHORT: nothing that was acknowledged is lost by that. A SIGHUP stays
 * blocked: a terminal that closes sends more than one, the shell's and the kernel's. */
void stop_gateway(struct gateway *gateway, int number, int64_t drain_ns, bool keeps);
