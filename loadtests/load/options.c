/* Turns the command line into options. */
#include "options.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *const shape_words[] = { "array", "ndjson", "object", NULL };
static const char *const compress_words[] = { "none", "lz4", "gzip", "zstd", NULL };
static const char *const expect_words[] = { "sluice", "2xx", NULL };

enum kind { TEXT, COUNT, REAL, WORD, FLAG };

static const struct row {
    const char *name;
    unsigned protocols;
    enum kind kind;
    size_t offset;
    double least, most;
    const char *const *words;
    const char *value; /* as --help calls it */
    const char *help;
} rows[] = {
#define AT(member) offsetof(struct options, member)
    { "host", ON_ALL, TEXT, AT(host), 0, 0, NULL, "NAME",
      "where the gateway is: a name or an IPv4 address (127.0.0.1)" },
    { "port", ON_ALL, COUNT, AT(port), 1, 65535, NULL, "N", "its port (http and ws 8080, udp 8125)" },
    { "path", ON_HTTP | ON_WS, TEXT, AT(path), 0, 0, NULL, "P",
      "where it posts or connects to (http /events, ws /ws)" },
    { "connections", ON_HTTP | ON_WS, COUNT, AT(connections), 0, 1e6, NULL, "N", "busy ones (http 64, ws 16)" },
    { "seconds", ON_ALL, REAL, AT(seconds), 0, 1e6, NULL, "S", "gives out events so long (5), then waits for replies" },
    { "events", ON_ALL, COUNT, AT(events), 0, 1e12, NULL, "N", "gives out so many instead, in whole bulks" },
    { "bulk", ON_ALL, COUNT, AT(bulk), 0, 1e6, NULL, "N", "events of a request, message or datagram (0: one bare)" },
    { "shape", ON_ALL, WORD, AT(shape), 0, 0, shape_words, "WORD", "of a bulk: array, ndjson, object (udp: ndjson)" },
    { "template", ON_ALL, TEXT, AT(load_template_file), 0, 0, NULL, "FILE", "one event with placeholders" },
    { "rate", ON_ALL, REAL, AT(rate), 0, 1e9, NULL, "N", "events/s, open loop (0: closed loop, udp: all it can)" },
    { "repeat", ON_ALL, COUNT, AT(repeat), 0, NUMBERS_ROUND - 1, NULL, "PERCENT",
      "events that repeat earlier ones (0)" },
    { "start", ON_ALL, COUNT, AT(start), 0, 9e11, NULL, "N", "the first event's number (0)" },
    { "compress", ON_ALL, WORD, AT(compress), 0, 0, compress_words, "WORD", "none, lz4, gzip, zstd (none; ws: lz4)" },
    { "expect", ON_HTTP | ON_WS, WORD, AT(expect), 0, 0, expect_words, "WORD",
      "of replies: sluice, whose counts must be right, or 2xx (sluice)" },
    { "retry", ON_HTTP, FLAG, AT(retry), 0, 0, NULL, "", "sends again after a 503 or 429, when Retry-After says" },
    { "tls", ON_HTTP, FLAG, AT(tls), 0, 0, NULL, "", "over TLS, whatever the certificate says" },
    { "key", ON_HTTP, TEXT, AT(key), 0, 0, NULL, "KEY", "as Authorization: Bearer KEY (none)" },
    { "same", ON_ALL, FLAG, AT(same), 0, 0, NULL, "", "the same bytes every time, for baselines that do not look" },
    { "acked", ON_HTTP | ON_WS, TEXT, AT(acked_file), 0, 0, NULL, "FILE",
      "gets `first count` of numbers acknowledged" },
    { "window", ON_WS, COUNT, AT(window), 1, 1e6, NULL, "N", "messages of a connection not acknowledged yet (8)" },
    { "idle", ON_WS, COUNT, AT(idle), 0, 1e6, NULL, "N", "more connections, which only answer pings (0)" },
    { "addresses", ON_WS, COUNT, AT(addresses), 1, 254, NULL, "N", "come from so many: 127.0.0.1, 127.0.0.2, ... (1)" },
    { "progress", ON_ALL, REAL, AT(progress), 0, 1e6, NULL, "S",
      "a line on stderr every S seconds (terminal: 1, else 0)" },
    { "histogram", ON_HTTP | ON_WS, TEXT, AT(histogram_file), 0, 0, NULL, "FILE", "gets `milliseconds count` lines" },
#undef AT
};

static const struct protocol_row {
    const char *name;
    enum protocol_bit protocol;
    unsigned compressions; /* bits */
    struct options defaults;
} protocols[] = {
#define COMMON .host = "127.0.0.1", .seconds = 5, .window = 8, .addresses = 1
    { "http",
      ON_HTTP,
      1 << COMPRESS_NONE | 1 << COMPRESS_LZ4 | 1 << COMPRESS_GZIP | 1 << COMPRESS_ZSTD,
      { COMMON, .protocol = ON_HTTP, .port = 8080, .path = "/events", .connections = 64 } },
    { "ws",
      ON_WS,
      1 << COMPRESS_NONE | 1 << COMPRESS_LZ4,
      { COMMON, .protocol = ON_WS, .port = 8080, .path = "/ws", .connections = 16, .compress = COMPRESS_LZ4 } },
    { "udp",
      ON_UDP,
      1 << COMPRESS_NONE | 1 << COMPRESS_LZ4,
      { COMMON, .protocol = ON_UDP, .port = 8125, .shape = BODY_NDJSON } },
#undef COMMON
};

void options_refuse(const char *option, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "--%s: ", option);
    vfprintf(stderr, format, arguments);
    fputs("; see --help\n", stderr);
    va_end(arguments);
    exit(2);
}

static void print_help(FILE *file)
{
    fputs("usage: load http|ws|udp [--option value]...\n"
          "Loads a gateway with numbered events and prints one line of JSON. Exit code 1: a connection was lost or a "
          "reply\n"
          "was wrong.\n\n",
          file);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        fprintf(file, "  --%-12s %-8s %-4s %-2s %-3s  %s\n", rows[i].name, rows[i].value,
                rows[i].protocols & ON_HTTP ? "http" : "", rows[i].protocols & ON_WS ? "ws" : "",
                rows[i].protocols & ON_UDP ? "udp" : "", rows[i].help);
    }
    fputs("\nPlaceholders of a template, all of which follow from the event's number: ${number} (12 digits), ${time} "
          "(Unix\n"
          "ms), ${random:N} (digits), ${hex:N}, ${pick:a|b|c} (words of the same length).\n",
          file);
}

static const struct row *row_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return &rows[i];
        }
    }
    options_refuse(name, "there is no such option");
}

static void set_count(const struct row *row, void *at, const char *text)
{
    uint64_t value;
    if (!slice_to_u64(slice_from_string(text), &value) || (double)value < row->least || (double)value > row->most) {
        options_refuse(row->name, "expected a whole number from %.0f to %.0f, found %s", row->least, row->most, text);
    }
    memcpy(at, &value, sizeof value);
}

static void set_real(const struct row *row, void *at, const char *text)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || !(value >= row->least && value <= row->most)) {
        options_refuse(row->name, "expected a number from %.0f to %.0f, found %s", row->least, row->most, text);
    }
    memcpy(at, &value, sizeof value);
}

static void set_word(const struct row *row, void *at, const char *text)
{
    for (unsigned i = 0; row->words[i] != NULL; i++) {
        if (strcmp(row->words[i], text) == 0) {
            memcpy(at, &i, sizeof i);
            return;
        }
    }
    options_refuse(row->name, "there is no %s", text);
}

static void set(const struct row *row, struct options *options, const char *text)
{
    void *at = (char *)options + row->offset;
    switch (row->kind) {
    case TEXT: memcpy(at, &text, sizeof text); break;
    case COUNT: set_count(row, at, text); break;
    case REAL: set_real(row, at, text); break;
    case WORD: set_word(row, at, text); break;
    case FLAG: memcpy(at, &(bool){ true }, sizeof(bool)); break;
    }
}

static const struct protocol_row *protocol_of(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < ARRAY_LENGTH(protocols); i++) {
        if (strcmp(protocols[i].name, argv[1]) == 0) {
            return &protocols[i];
        }
    }
    bool asked = argc > 1 && strcmp(argv[1], "--help") == 0;
    print_help(asked ? stdout : stderr);
    exit(asked ? 0 : 2);
}

static void find_host(struct options *options)
{
    const struct addrinfo wanted = { .ai_family = AF_INET };
    struct addrinfo *found;
    int error = getaddrinfo(options->host, NULL, &wanted, &found);
    if (error != 0) {
        options_refuse("host", "%s: %s", options->host, gai_strerror(error));
    }
    options->address = ((const struct sockaddr_in *)(const void *)found->ai_addr)->sin_addr;
    freeaddrinfo(found);
}

/* What a row cannot say alone. */
static void check(const struct options *options, const struct protocol_row *protocol)
{
    if ((protocol->compressions & 1u << options->compress) == 0) {
        options_refuse("compress", "%s has no %s", protocol->name, compress_words[options->compress]);
    }
    if (options->protocol != ON_UDP && options->connections + options->idle == 0) {
        options_refuse("connections", "none is no load");
    }
    if (options->events == 0 && options->seconds <= 0) {
        options_refuse("seconds", "expected more than 0");
    }
}

void options_parse(struct options *options, int argc, char **argv)
{
    const struct protocol_row *protocol = protocol_of(argc, argv);
    *options = protocol->defaults;
    options->progress = isatty(STDERR_FILENO) ? 1 : 0;
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            print_help(stdout);
            exit(0);
        }
        if (strncmp(argv[i], "--", 2) != 0) {
            options_refuse("", "expected an option, found %s", argv[i]);
        }
        const struct row *row = row_of(argv[i] + 2);
        if ((row->protocols & protocol->protocol) == 0) {
            options_refuse(row->name, "%s has none", protocol->name);
        }
        if (row->kind != FLAG && i + 1 == argc) {
            options_refuse(row->name, "expected %s behind it", row->value);
        }
        set(row, options, row->kind == FLAG ? "" : argv[++i]);
    }
    find_host(options);
    check(options, protocol);
}
