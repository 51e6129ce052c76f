/* A disk with pages that it does not give. For tests linked with --wrap=pread. */
#pragma once

#include <errno.h>
#include <stdint.h>
#include <sys/types.h>

/* Bytes [from, to) of every file; from == to: none. */
static struct {
    uint64_t from, to;
    int number; /* errno */
} pread_fails;

ssize_t __real_pread(int fd, void *into, size_t len, off_t at);
ssize_t __wrap_pread(int fd, void *into, size_t len, off_t at);

ssize_t __wrap_pread(int fd, void *into, size_t len, off_t at)
{
    uint64_t begin = (uint64_t)at;
    if (begin >= pread_fails.to || begin + len <= pread_fails.from) {
        return __real_pread(fd, into, len, at);
    }
    if (begin < pread_fails.from) {
        return __real_pread(fd, into, (size_t)(pread_fails.from - begin), at); /* as the page cache does */
    }
    errno = pread_fails.number;
    return -1;
}

static inline void pread_fail(uint64_t from, uint64_t to, int number)
{
    pread_fails.from = from;
    pread_fails.to = to;
    pread_fails.number = number;
}
