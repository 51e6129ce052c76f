/* The load generator: turns options into HTTP, WebSocket or UDP load of numbered events, and what comes back into one line
 * of JSON. Read it from here:
 *
 *   options    the command line                    pace       when the next payload is due: closed or open loop
 *   template   an event with placeholders          loop       epoll, and the line of free connections
 *   body       events in an array, NDJSON, …       http ws udp   one protocol each
 *   load       payloads out, counts in             histogram  latencies      report, progress   what is printed
 */
#include "fail.h"
#include "report.h"

#include "base/clock.h"

static const struct protocol *protocol_of(enum protocol_bit bit)
{
    switch (bit) {
    case ON_HTTP: return &http_protocol;
    case ON_WS: return &ws_protocol;
    default: return &udp_protocol;
    }
}

/* The seconds it took. */
static double run(struct load *load)
{
    load->pace.start_ns = clock_monotonic_ns();
    progress_start(load, load->pace.start_ns);
    load->protocol->run(load);
    int64_t taken_ns = clock_monotonic_ns() - load->pace.start_ns;
    load->totals.failed += pace_unsent(&load->pace) * load->body.events;
    if (load->protocol->close != NULL) {
        load->protocol->close(load);
    }
    progress_end(load);
    return (double)taken_ns / NS_PER_SECOND;
}

static void save_histogram(const struct load *load)
{
    if (load->options.histogram_file == NULL) {
        return;
    }
    FILE *file = fopen(load->options.histogram_file, "w");
    if (file == NULL) {
        fail_errno(load->options.histogram_file);
    }
    histogram_print(&load->latencies, file);
    fclose(file);
}

int main(int argc, char **argv)
{
    static struct load load;
    options_parse(&load.options, argc, argv);
    load_init(&load);
    load.protocol = protocol_of(load.options.protocol);
    load.protocol->open(&load);
    double seconds = run(&load);
    report_print(&load, seconds, stdout);
    save_histogram(&load);
    const struct totals *totals = &load.totals;
    return totals->lost_connections + totals->lost_idle + totals->wrong == 0 ? 0 : 1;
}
