/* Turns system tables and a gateway's numbers into a report. */
#include "command/ask/report_command.h"

#include "base/clock.h"
#include "base/plain_text.h"
#include "inspect/asking.h"
#include "inspect/gateway_look.h"
#include "inspect/result_table.h"
#include "inspect/status_lines.h"
#include "inspect/store_link.h"
#include "inspect/store_report.h"

#include <getopt.h>
#include <stdio.h>
#include <time.h>

#define PAGE_TIMEOUT_NS (10 * NS_PER_SECOND)
#define PROBLEM_MAX 400

struct report {
    struct asking asking;
    struct configured configured;
    bool json;
    bool is_whole; /* all could be looked at */
    struct buf out;
};

static bool parse_arguments(int argc, char **argv, struct report *report)
{
    for (int option; (option = command_next_option(&report_command, argc, argv)) != -1;) {
        if (option == 'j') {
            report->json = true;
        } else if (!asking_take(&report->asking, option, optarg)) {
            return false;
        }
    }
    return optind == argc;
}

static void append_text(struct buf *out, const char *name, const char *text)
{
    buf_printf(out, ",\"%s\":", name);
    buf_append_json_string(out, slice_from_string(text));
}

/* --- the store --- */

static void add_text(struct report *report, const struct store_section *section, enum section_fate fate,
                     struct slice result, const char *problem)
{
    struct buf *out = &report->out;
    buf_printf(out, "%s\n", section->title);
    if (fate == SECTION_LACKING) {
        buf_printf(out, "  not known: %s\n", section->lacks);
    } else if (fate == SECTION_FAILED) {
        buf_printf(out, "  could not be looked at: %s\n", problem);
    } else if (result_table_text(result, out) == 0) {
        buf_printf(out, "  %s\n", section->none);
    }
    buf_append_byte(out, '\n');
}

static void add_json(struct report *report, const struct store_section *section, enum section_fate fate,
                     struct slice result, const char *problem)
{
    struct buf *out = &report->out;
    buf_printf(out, ",\"%s\":", section->name);
    if (fate == SECTION_READ) {
        result_table_json(result, out);
        return;
    }
    buf_printf(out, "{\"not_known\":%s", fate == SECTION_LACKING ? "true" : "false");
    append_text(out, "why", fate == SECTION_LACKING ? section->lacks : problem);
    buf_append_byte(out, '}');
}

static void add_section(struct report *report, struct store_link *link, size_t server, size_t index)
{
    struct buf result = { 0 }, problem = { 0 };
    char why[PROBLEM_MAX];
    enum section_fate fate = store_report_read(link, server, index, &result, &problem);
    plain_text_copy(buf_slice(&problem), why, sizeof why);
    report->is_whole = report->is_whole && fate != SECTION_FAILED;
    (report->json ? add_json : add_text)(report, store_report_section(index), fate, buf_slice(&result), why);
    buf_release(&problem);
    buf_release(&result);
}

static void add_server(struct report *report, struct store_link *link, size_t server)
{
    const char *name = store_link_server_name(link, server);
    if (report->json) {
        buf_printf(&report->out, "%s{\"name\":", server == 0 ? "" : ",");
        buf_append_json_string(&report->out, slice_from_string(name));
    } else {
        buf_printf(&report->out, "The store: %s\n\n", name);
    }
    for (size_t i = 0; i < store_report_count(); i++) {
        add_section(report, link, server, i);
    }
    buf_append_string(&report->out, report->json ? "}" : "");
}

static void add_store(struct report *report)
{
    struct buf problem = { 0 };
    struct store_link *link = store_link_open(report->configured.store, report->configured.journal, &problem);
    buf_append_string(&report->out, report->json ? "\"servers\":[" : "");
    for (size_t i = 0; link != NULL && i < store_link_servers(link); i++) {
        add_server(report, link, i);
    }
    buf_append_string(&report->out, report->json ? "]" : "");
    if (link == NULL) {
        const char *why = buf_c_string(&problem);
        report->is_whole = false;
        if (report->json) {
            append_text(&report->out, "store_problem", why);
        } else {
            buf_printf(&report->out, "The store could not be looked at: %s\n\n", why);
        }
    }
    store_link_close(link);
    buf_release(&problem);
}

/* --- the gateway --- */

static void add_lines(struct buf *out, const struct status_lines *lines)
{
    struct slice rest = buf_slice(&lines->text);
    struct slice line;
    enum line_style style;
    while (status_lines_next(&rest, &style, &line)) {
        buf_append_string(out, line.len != 0 ? "  " : "");
        buf_append_slice(out, line);
        buf_append_byte(out, '\n');
    }
}

static void add_gateway_text(struct report *report, const struct gateway_look *look)
{
    struct status_lines lines = { 0 };
    buf_append_string(&report->out, "The gateway, its lag and its journal\n");
    status_lines_head(&lines, look, report->asking.remote.url, clock_wall_ns());
    if (look->fate == LOOK_SEEN) {
        status_lines_parts(&lines, look, SIZE_MAX);
        status_lines_streams(&lines, look, SIZE_MAX, 0);
        status_lines_places(&lines, look);
    }
    add_lines(&report->out, &lines);
    status_lines_release(&lines);
}

static void add_gateway(struct report *report)
{
    const struct timespec second = { .tv_sec = 1 };
    const struct remote *remote = &report->asking.remote;
    struct gateway_look look;
    if (!gateway_look_init(&look)) {
        report->is_whole = false;
        return;
    }
    if (gateway_look_again(&look, remote, PAGE_TIMEOUT_NS, NULL, NULL) == LOOK_SEEN) {
        nanosleep(&second, NULL);
        gateway_look_again(&look, remote, PAGE_TIMEOUT_NS, NULL, NULL);
    }
    report->is_whole = report->is_whole && look.fate == LOOK_SEEN;
    if (report->json) {
        buf_append_string(&report->out, ",\"gateway\":");
        status_json(&report->out, &look, remote->url, clock_wall_ns());
    } else {
        add_gateway_text(report, &look);
    }
    gateway_look_release(&look);
}

static int write_report(struct report *report)
{
    report->is_whole = true;
    buf_append_string(&report->out, report->json ? "{" : "");
    add_store(report);
    add_gateway(report);
    buf_append_string(&report->out, report->json ? "}\n" : "");
    bool written = !report->out.failed && fwrite(report->out.data, 1, report->out.len, stdout) == report->out.len &&
                   fflush(stdout) == 0;
    return written && report->is_whole ? 0 : 3;
}

static int run(int argc, char **argv)
{
    struct report report = { 0 };
    struct buf problem = { 0 };
    int code = 2;
    if (!parse_arguments(argc, argv, &report)) {
        return command_explain_use(&report_command);
    }
    if (configured_load(&report.configured, report.asking.config, &problem) && asking_begin(&report.asking, &problem)) {
        code = write_report(&report);
    } else {
        asking_complain("report", &problem);
    }
    buf_release(&report.out);
    configured_release(&report.configured);
    asking_end(&report.asking);
    buf_release(&problem);
    return code;
}

static const struct command_option options[] = {
    ASKING_OPTIONS,
    { .name = "json", .help = "one JSON object", .letter = 'j' },
    { 0 },
};

const struct command report_command = {
    .name = "report",
    .usage = "[--config FILE] [--url URL] [--json]",
    .summary = "report on the store: tables, parts, merges, slow queries, lag",
    .help =
        "Asks each server of the store for the size of its tables, their parts, what it merges and alters, what runs, "
        "what was slow, how it replicates, its disks and errors. The embedded engine is asked through the gateway "
        "that runs it. The gateway tells its lag, its journal and dead letters. What a server does not have is "
        "said.\n\n"
        "Exit code: 0; 3 if something could not be looked at.",
    .options = options,
    .run = run,
};
