/* Changes of texts, and what is asked of them: white space, case, URLs. Pure. Texts are valid UTF-8, and stay so.
 *
 * White space is what Unicode calls so; letters beyond A to Z keep their case, as with ClickHouse's lower and upper. */
#pragma once

#include "base/bytes.h"

struct field_options;

/* Applied in this order. */
enum text_change {
    TEXT_TRIM = 1u << 0,
    TEXT_ABSOLUTE = 1u << 1, /* a demand rather than a change: text_is_absolute_url */
    TEXT_STRIP_QUERY = 1u << 2,
    TEXT_HOST_PATH = 1u << 3,
    TEXT_STRIP_SCHEME = 1u << 4,
    TEXT_LOWER = 1u << 5,
    TEXT_UPPER = 1u << 6,
};

/* What the options of a field ask for: bits of enum text_change. */
unsigned text_changes_of(const struct field_options *options);

/* Writes the changed text to `out`, which has room for text.len bytes; returns its length, which is no more. */
size_t text_change(unsigned changes, struct slice text, char *out);

/* As far as it is changed before its URL is looked at. */
struct slice text_change_before_url(unsigned changes, struct slice text);

struct slice text_trim(struct slice text);

/* Empty, or nothing but white space. */
bool text_is_blank(struct slice text);

/* http:// or https://, a host, and no space, control character or backslash in all of it. */
bool text_is_absolute_url(struct slice text);
