/* What a request for a file asks beside its name: RFC 9110, 13 (conditions) and 14 (ranges). Pure. */
#pragma once

#include "base/bytes.h"

#include <stdint.h>

/* "Mon, 30 Nov 2026 10:00:00 GMT" */
#define FILE_DATE_TEXT 30
void file_date_format(int64_t seconds, char text[FILE_DATE_TEXT]);

/* One of the three forms of RFC 9110, 5.6.7; false if it is none. */
MUST_CHECK bool file_date_parse(struct slice text, int64_t *seconds);

/* What is known of a file. */
struct file_version {
    struct slice etag; /* with its quotes */
    int64_t modified_s;
};

/* The fields as they came, empty if they did not. */
struct file_conditions {
    struct slice if_none_match;
    struct slice if_modified_since;
    struct slice range;
    struct slice if_range;
};

/* What the client has is this version: 304. */
bool file_unchanged(const struct file_conditions *conditions, const struct file_version *version);

enum file_extent {
    EXTENT_WHOLE,        /* 200: no range, or one that is not understood, several, or of another version */
    EXTENT_PART,         /* 206 */
    EXTENT_UNSATISFIABLE /* 416 */
};

/* For EXTENT_PART first and length are within `size`; else they are 0 and size. */
enum file_extent file_extent_of(const struct file_conditions *conditions, const struct file_version *version,
                                uint64_t size, uint64_t *first, uint64_t *length);
