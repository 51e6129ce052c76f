/* Turns conditions and ranges of a request into what of a file is to be sent. */
#include "proto/files/file_range.h"

#include "base/assert.h"

#include <time.h>

void file_date_format(int64_t seconds, char text[FILE_DATE_TEXT])
{
    struct tm utc;
    time_t time = (time_t)seconds;
    gmtime_r(&time, &utc);
    size_t length = strftime(text, FILE_DATE_TEXT, "%a, %d %b %Y %H:%M:%S GMT", &utc);
    ASSERT_BELOW(length, FILE_DATE_TEXT);
    if (length == 0) { /* beyond the year 9999 */
        memcpy(text, "Thu, 01 Jan 1970 00:00:00 GMT", FILE_DATE_TEXT);
    }
}

bool file_date_parse(struct slice text, int64_t *seconds)
{
    static const char *const forms[] = {
        "%a, %d %b %Y %H:%M:%S GMT", /* the one that is sent today */
        "%A, %d-%b-%y %H:%M:%S GMT", /* RFC 850 */
        "%a %b %e %H:%M:%S %Y",      /* asctime */
    };
    char copy[64];
    if (text.len == 0 || text.len >= sizeof copy || memchr(text.data, '\0', text.len) != NULL) {
        return false;
    }
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    for (size_t i = 0; i < ARRAY_LENGTH(forms); i++) {
        struct tm utc = { 0 };
        const char *end = strptime(copy, forms[i], &utc);
        if (end != NULL && *end == '\0') {
            *seconds = (int64_t)timegm(&utc);
            return true;
        }
    }
    return false;
}

/* Weakly: what precedes the quotes does not count (RFC 9110, 8.8.3.2). */
static bool lists_etag(struct slice list, struct slice etag)
{
    struct slice entry;
    while (slice_split(&list, ',', &entry)) {
        entry = slice_trim(entry);
        if (slice_equal(entry, SLICE("*"))) {
            return true;
        }
        if (slice_starts_with(entry, SLICE("W/"))) {
            entry = slice_after(entry, 2);
        }
        if (slice_equal(entry, etag)) {
            return true;
        }
    }
    return false;
}

bool file_unchanged(const struct file_conditions *conditions, const struct file_version *version)
{
    int64_t since_s;
    if (conditions->if_none_match.len != 0) { /* then If-Modified-Since does not count */
        return lists_etag(conditions->if_none_match, version->etag);
    }
    return file_date_parse(conditions->if_modified_since, &since_s) && version->modified_s <= since_s;
}

/* Strongly: an ETag as it is, or the very date. */
static bool range_is_of(struct slice if_range, const struct file_version *version)
{
    int64_t date_s;
    if (if_range.len == 0 || slice_equal(if_range, version->etag)) {
        return true;
    }
    return if_range.data[0] != '"' && file_date_parse(if_range, &date_s) && date_s == version->modified_s;
}

enum range_form { RANGE_ABSENT, RANGE_FROM_START, RANGE_FROM_END };

/* "bytes=first-", "bytes=first-last" or "bytes=-length", nothing else. */
static enum range_form parse_range(struct slice range, uint64_t *first, uint64_t *last)
{
    if (range.len < 6 || !slice_equal_nocase(slice_make(range.data, 6), SLICE("bytes="))) {
        return RANGE_ABSENT;
    }
    struct slice rest = slice_trim(slice_after(range, 6)), from;
    if (!slice_split(&rest, '-', &from) || rest.data == NULL) {
        return RANGE_ABSENT;
    }
    if (from.len == 0) {
        return slice_to_u64(rest, last) ? RANGE_FROM_END : RANGE_ABSENT;
    }
    *last = UINT64_MAX;
    bool valid = slice_to_u64(from, first) && (rest.len == 0 || slice_to_u64(rest, last)) && *first <= *last;
    return valid ? RANGE_FROM_START : RANGE_ABSENT;
}

enum file_extent file_extent_of(const struct file_conditions *conditions, const struct file_version *version,
                                uint64_t size, uint64_t *first, uint64_t *length)
{
    uint64_t from = 0, last = 0;
    *first = 0;
    *length = size;
    enum range_form form = parse_range(conditions->range, &from, &last);
    if (form == RANGE_ABSENT || !range_is_of(conditions->if_range, version)) {
        return EXTENT_WHOLE;
    }
    if (form == RANGE_FROM_END) {
        uint64_t tail = last < size ? last : size;
        from = size - tail;
        last = tail == 0 ? 0 : size - 1;
        if (tail == 0) {
            return EXTENT_UNSATISFIABLE;
        }
    } else if (from >= size) {
        return EXTENT_UNSATISFIABLE;
    }
    last = last < size ? last : size - 1;
    ASSERT(from <= last);
    *first = from;
    *length = last - from + 1;
    return EXTENT_PART;
}
