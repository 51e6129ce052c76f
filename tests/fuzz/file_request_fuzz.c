/* A request for a file: its path, then what its fields say, a line each. A path that fits stays beneath its folder, and a part of
 * a file lies within the file. */
#include <stdlib.h>

#include "fuzz/cost.h"
#include "proto/files/file_path.h"
#include "proto/files/file_range.h"

static void must(bool promise)
{
    if (!promise) {
        abort();
    }
}

static void take_path(struct slice path)
{
    must(file_path_type(path) != NULL);
    if (!file_path_fits(path)) {
        return;
    }
    struct slice rest = path, segment;
    must(path.len <= FILE_PATH_MAX && memchr(path.data, '\0', path.len) == NULL);
    while (slice_split(&rest, '/', &segment)) {
        must(segment.len == 0 ? rest.data == NULL || rest.len == 0 : segment.data[0] != '.');
    }
}

static void take_fields(const struct file_conditions *conditions, uint64_t size)
{
    const struct file_version version = { SLICE("\"abc-1\""), 1000000000 };
    uint64_t first, length;
    (void)file_unchanged(conditions, &version);
    enum file_extent extent = file_extent_of(conditions, &version, size, &first, &length);
    must(extent != EXTENT_WHOLE || (first == 0 && length == size));
    must(extent != EXTENT_PART || (length != 0 && first < size && length <= size - first));
    must(conditions->range.len != 0 || extent == EXTENT_WHOLE);
}

static void take(const uint8_t *data, size_t size)
{
    struct slice rest = slice_make(data, size), path;
    struct file_conditions conditions = { 0 };
    struct slice *const fields[] = { &conditions.if_none_match, &conditions.if_modified_since, &conditions.range,
                                     &conditions.if_range };
    if (!slice_split(&rest, '\n', &path) || path.len == 0) {
        return;
    }
    take_path(path);
    for (size_t i = 0; i < ARRAY_LENGTH(fields) && slice_split(&rest, '\n', fields[i]); i++) {
    }
    take_fields(&conditions, path.len);
    take_fields(&conditions, UINT64_MAX);
    take_fields(&conditions, 0);
}

COST_FUZZER(take, 60)
