/* The service manager (systemd, Type=notify), if this process was started by one: what it is told of the process.
 * Without one, nothing happens. Each call sends a datagram at most; main's thread. */
#pragma once

#include "base/bytes.h"

/* How long it waits for a sign of life (WatchdogSec); 0: it does not. */
int64_t service_watchdog_ns(void);

/* One line for people, shown by `systemctl status`. */
void service_say(const char *format, ...) PRINTF_LIKE(1, 2);

/* Everything that was asked for is served now. */
void service_ready(void);

/* It reads its configuration anew; service_ready follows, whatever came of it. */
void service_reloading(void);

/* A sign of life. */
void service_alive(void);

/* It ends, and may take so long: neither its time to stop nor its watchdog runs out before. */
void service_stopping(int64_t longest_ns);
