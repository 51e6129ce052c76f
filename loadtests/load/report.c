/* Turns the counts of a load into one line of JSON. */
#include "report.h"

static const struct {
    const char *name;
    unsigned protocols;
    size_t offset;
} counts[] = {
#define AT(member) offsetof(struct totals, member)
    { "events", ON_ALL, AT(events) },
    { "bytes", ON_ALL, AT(bytes) },
    { "accepted", ON_HTTP | ON_WS, AT(accepted) },
    { "duplicate", ON_HTTP | ON_WS, AT(duplicate) },
    { "rejected", ON_HTTP | ON_WS, AT(rejected) },
    { "failed", ON_ALL, AT(failed) },
    { "wrong", ON_HTTP | ON_WS, AT(wrong) },
    { "retried", ON_HTTP | ON_WS, AT(retried) },
    { "acks", ON_WS, AT(acks) },
    { "pings", ON_WS, AT(pings) },
    { "lost_connections", ON_HTTP | ON_WS, AT(lost_connections) },
    { "lost_idle", ON_WS, AT(lost_idle) },
    { "reconnects", ON_HTTP, AT(reconnects) },
    { "status_2xx", ON_HTTP, AT(statuses[2]) },
    { "status_4xx", ON_HTTP, AT(statuses[4]) },
    { "status_5xx", ON_HTTP, AT(statuses[5]) },
#undef AT
};

static const struct {
    const char *name;
    double share;
} percentiles[] = { { "p50_ms", 0.5 }, { "p90_ms", 0.9 }, { "p99_ms", 0.99 }, { "p999_ms", 0.999 }, { "max_ms", 1 } };

static void print_counts(const struct load *load, FILE *file)
{
    for (size_t i = 0; i < ARRAY_LENGTH(counts); i++) {
        if ((counts[i].protocols & load->options.protocol) != 0) {
            uint64_t value;
            memcpy(&value, (const char *)&load->totals + counts[i].offset, sizeof value);
            fprintf(file, ",\"%s\":%llu", counts[i].name, (unsigned long long)value);
        }
    }
}

static void print_close_codes(const struct totals *totals, FILE *file)
{
    const char *separator = "";
    fputs(",\"close_codes\":{", file);
    for (unsigned code = 0; code < CLOSE_CODES; code++) {
        if (totals->close_codes[code] != 0) {
            fprintf(file, "%s\"%u\":%llu", separator, code, (unsigned long long)totals->close_codes[code]);
            separator = ",";
        }
    }
    fputc('}', file);
}

void report_print(const struct load *load, double seconds, FILE *file)
{
    const char *payloads = load->protocol->payloads;
    bool answered = load->options.protocol != ON_UDP;
    uint64_t events = answered ? load_decided(load) : load->totals.events;
    fprintf(file, "{\"seconds\":%.3f,\"%s\":%llu", seconds, payloads, (unsigned long long)load->totals.payloads);
    print_counts(load, file);
    fprintf(file, ",\"%s_per_s\":%.0f,\"events_per_s\":%.0f,\"offered_per_s\":%.0f", payloads,
            (double)load->totals.payloads / seconds, (double)events / seconds, load->options.rate);
    for (size_t i = 0; answered && i < ARRAY_LENGTH(percentiles); i++) {
        fprintf(file, ",\"%s\":%.3f", percentiles[i].name,
                histogram_percentile_ms(&load->latencies, percentiles[i].share));
    }
    if (load->options.protocol == ON_WS) {
        print_close_codes(&load->totals, file);
    }
    fputs("}\n", file);
}
