/* The only segment file of a journal as bytes, to be damaged and put back. */
#pragma once

#include "base/lz4.h"
#include "journal_fixture.h"

/* The path of the only segment file. */
static inline const char *only_file(const struct fixture *f)
{
    static char path[512];
    char folder[128];
    snprintf(folder, sizeof folder, "%s/journal", f->folder);
    path[0] = '\0';
    DIR *entries = opendir(folder);
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        if (entry->d_name[0] != '.') {
            assert_string_equal(path, "");
            snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        }
    }
    closedir(entries);
    return path;
}

static inline struct buf read_file(const char *path)
{
    struct buf bytes = { 0 };
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_true(buf_reserve(&bytes, 1 << 20));
    bytes.len = fread(bytes.data, 1, bytes.cap, file);
    fclose(file);
    return bytes;
}

static inline void write_file(const char *path, struct slice bytes)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes.data, 1, bytes.len, file), bytes.len);
    fclose(file);
}

/* Leaves a sealed segment of `frames` frames of two rows each, closed; the ends of its headers and frames in
 * ends[0 … frames]; the seal follows. */
static inline struct buf make_segment(struct fixture *f, unsigned frames, size_t *ends)
{
    for (unsigned i = 0; i < frames; i++) {
        fixture_put(f, i * 2, 2);
    }
    fixture_close(f);
    struct buf bytes = read_file(only_file(f));
    ends[0] = 2 * lz4_frame_length(buf_slice(&bytes));
    for (unsigned i = 0; i < frames; i++) {
        ends[i + 1] = ends[i] + lz4_frame_length(slice_after(buf_slice(&bytes), ends[i]));
    }
    assert_int_equal(ends[frames] + lz4_frame_length(slice_after(buf_slice(&bytes), ends[frames])), bytes.len);
    return bytes;
}

static inline void must_open(struct fixture *f)
{
    if (!fixture_open(f)) {
        fail_msg("%s", buf_c_string(&f->problem));
    }
}
