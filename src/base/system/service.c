/* Turns the life of the process into messages to systemd. */
#include "base/system/service.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>

int64_t service_watchdog_ns(void)
{
    uint64_t timeout_us = 0;
    bool wanted = sd_watchdog_enabled(0, &timeout_us) > 0 && timeout_us < (uint64_t)(INT64_MAX / NS_PER_US);
    return wanted ? (int64_t)timeout_us * NS_PER_US : 0;
}

void service_say(const char *format, ...)
{
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    sd_notifyf(0, "STATUS=%s", line);
}

void service_ready(void)
{
    sd_notify(0, "READY=1");
}

void service_reloading(void)
{
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, clock_monotonic_ns() / NS_PER_US);
}

void service_alive(void)
{
    sd_notify(0, "WATCHDOG=1");
}

void service_stopping(int64_t longest_ns)
{
    int64_t longest_us = longest_ns / NS_PER_US;
    sd_notify(0, "STOPPING=1");
    sd_notifyf(0, "EXTEND_TIMEOUT_USEC=%" PRId64, longest_us);
    if (service_watchdog_ns() != 0) {
        sd_notifyf(0, "WATCHDOG_USEC=%" PRId64, longest_us);
    }
}
