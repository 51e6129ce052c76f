/* Files of the project, for tests that hold them against the program. */
#pragma once

#include "base/bytes.h"

#include <stdio.h>
#include <stdlib.h>

/* The path of a file below the root, good until the next call. */
static inline const char *project_file(const char *path)
{
    static char full[1024];
    const char *tests = strstr(__FILE__, "tests/project_files.h");
    snprintf(full, sizeof full, "%.*s%s", (int)(tests - __FILE__), __FILE__, path);
    return full;
}

static inline struct buf project_file_bytes(const char *path)
{
    struct buf text = { 0 };
    FILE *file = fopen(project_file(path), "rb");
    assert_non_null(file);
    assert_true(buf_reserve(&text, 1 << 20));
    text.len = fread(text.data, 1, 1 << 20, file);
    fclose(file);
    return text;
}

static inline void project_file_write(const char *path, const struct buf *bytes)
{
    FILE *file = fopen(project_file(path), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes->data, 1, bytes->len, file), bytes->len);
    assert_int_equal(fclose(file), 0);
}

/* A page that the program's tables write. SLUICE_WRITE_DOCS=1 writes it anew. */
static inline void assert_project_page(const char *path, const struct buf *page, const char *test)
{
    assert_false(page->failed);
    if (getenv("SLUICE_WRITE_DOCS") != NULL) {
        project_file_write(path, page);
    }
    struct buf written = project_file_bytes(path);
    if (!slice_equal(buf_slice(page), buf_slice(&written))) {
        fail_msg("%s is not what the tables say; write it anew: SLUICE_WRITE_DOCS=1 make unit TEST=%s", path, test);
    }
    buf_release(&written);
}
