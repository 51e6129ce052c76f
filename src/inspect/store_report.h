/* What the store's system tables say of its state, section by section. Servers differ in what they have; a section has several forms, of
 * which the first that a server understands is taken. */
#pragma once

#include "base/bytes.h"

#include <stddef.h>

struct store_link;

enum section_fate {
    SECTION_READ,
    SECTION_LACKING, /* this server has no such table */
    SECTION_FAILED   /* it has, and did not show it */
};

struct store_section {
    const char *name;   /* in JSON */
    const char *title;  /* for people */
    const char *none;   /* what it means that there are no rows */
    const char *lacks;  /* what it means that the server has no such table */
    const char *sql[2]; /* the second, or NULL, for servers that lack columns of the first */
};

size_t store_report_count(void);
const struct store_section *store_report_section(size_t index);

/* The section's result, of RESULT_FORMAT, replaces *out. SECTION_FAILED: with *problem. */
enum section_fate store_report_read(struct store_link *link, size_t server, size_t index, struct buf *out,
                                    struct buf *problem);
