/* Turns the files that the kernel keeps of control groups into a number of bytes. */
#include "base/system/memory_size.h"

#include "base/bytes.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#define FILE_MAX ((size_t)4096)

static struct slice read_small(const char *path, char text[FILE_MAX])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? 0 : read(fd, text, FILE_MAX);
    if (fd >= 0) {
        close(fd);
    }
    return slice_make(text, len > 0 ? (size_t)len : 0);
}

/* `bound`, or what stands in the file if that is less. "max" is no number. */
static uint64_t least(const char *path, uint64_t bound)
{
    char text[FILE_MAX];
    struct slice rest = read_small(path, text), line;
    uint64_t value;
    bool bounded = slice_split(&rest, '\n', &line) && slice_to_u64(line, &value);
    return bounded && value < bound ? value : bound;
}

/* The group's path, from the line "0::/path". */
static struct slice own_group(const char *root, char text[FILE_MAX])
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    struct slice rest = read_small(path, text), line;
    while (slice_split(&rest, '\n', &line)) {
        if (line.len > 3 && memcmp(line.data, "0::", 3) == 0) {
            return slice_after(line, 3);
        }
    }
    return slice_make("", 0);
}

static size_t parent_length(struct slice group)
{
    size_t len = group.len;
    while (len != 0 && group.data[len - 1] != '/') {
        len--;
    }
    return len == 0 ? 0 : len - 1;
}

uint64_t memory_size_below(const char *root, uint64_t physical)
{
    char text[FILE_MAX], path[PATH_MAX + FILE_MAX];
    struct slice group = own_group(root, text);
    snprintf(path, sizeof path, "%s/sys/fs/cgroup/memory/memory.limit_in_bytes", root);
    uint64_t bound = least(path, physical);
    for (;;) {
        snprintf(path, sizeof path, "%s/sys/fs/cgroup%.*s/memory.max", root, (int)group.len, group.data);
        bound = least(path, bound);
        if (group.len == 0) {
            return bound;
        }
        group.len = parent_length(group);
    }
}

uint64_t memory_size(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    uint64_t physical = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : UINT64_MAX;
    return memory_size_below("", physical);
}
