/* Turns the counts of a load under way into lines for who watches. */
#include "progress.h"

#include "load.h"

#include "base/clock.h"

void progress_start(struct load *load, int64_t now_ns)
{
    load->progress.every_ns = (int64_t)(load->options.progress * NS_PER_SECOND);
    load->progress.next_ns = load->progress.every_ns == 0 ? PACE_NEVER : now_ns + load->progress.every_ns;
}

static void print(struct load *load, int64_t now_ns)
{
    struct progress *p = &load->progress;
    const struct totals *totals = &load->totals;
    uint64_t events = load->options.protocol == ON_UDP ? totals->events : load_decided(load);
    double interval_s = (double)(now_ns - p->next_ns + p->every_ns) / NS_PER_SECOND;
    fprintf(stderr, "%6.1f s  %10.0f events/s", (double)(now_ns - load->pace.start_ns) / NS_PER_SECOND,
            (double)(events - p->events) / interval_s);
    if (load->options.protocol != ON_UDP) {
        fprintf(stderr, "  p50 %.3f ms  p99 %.3f ms  %llu failed", histogram_percentile_ms(&p->recent, 0.5),
                histogram_percentile_ms(&p->recent, 0.99), (unsigned long long)(totals->failed - p->failed));
    }
    fputc('\n', stderr);
    p->events = events;
    p->failed = totals->failed;
}

int64_t progress_show(struct load *load, int64_t now_ns)
{
    struct progress *p = &load->progress;
    if (now_ns >= p->next_ns) {
        print(load, now_ns);
        progress_end(load);
        p->next_ns = now_ns + p->every_ns;
    }
    return p->next_ns;
}

void progress_end(struct load *load)
{
    histogram_merge(&load->latencies, &load->progress.recent);
    load->progress.recent = (struct histogram){ 0 };
}
