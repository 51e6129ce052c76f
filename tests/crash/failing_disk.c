/* A library to preload beside libfiu's fiu_run_preload.so: the calls that the journal rests on fail when fiu-ctrl says so, by
 * the names of libfiu's own fiu_posix_preload.so. That one wraps malloc and poll as well and now and then hangs a
 * process: it calls dlsym with libfiu's lock held, while a thread within dlopen holds the loader's lock and calls malloc. */
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <sys/types.h>

/* Of libfiu: not 0 if the point of that name is to fail now; then why. */
int fiu_fail(const char *name);
void *fiu_failinfo(void);

static int fails(const char *point)
{
    if (fiu_fail(point) == 0) {
        return 0;
    }
    errno = (int)(ptrdiff_t)fiu_failinfo();
    return 1;
}

/* The next library's, of the same name. */
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
    if (fails("posix/io/rw/pwrite")) {
        return -1;
    }
    if (len > 1 && fiu_fail("posix/io/rw/pwrite/reduce") != 0) {
        len /= 2;
    }
    return REAL(pwrite)(fd, data, len, at);
}

int fdatasync(int fd)
{
    return fails("posix/io/sync/fdatasync") ? -1 : REAL(fdatasync)(fd);
}

int fsync(int fd)
{
    return fails("posix/io/sync/fsync") ? -1 : REAL(fsync)(fd);
}

int ftruncate(int fd, off_t length)
{
    return fails("posix/io/rw/ftruncate") ? -1 : REAL(ftruncate)(fd, length);
}

int unlink(const char *path)
{
    return fails("posix/io/dir/unlink") ? -1 : REAL(unlink)(path);
}

/* What a caller of 64-bit offsets is linked to; here they are the same. */
ssize_t pwrite64(int fd, const void *data, size_t len, off_t at) __attribute__((alias("pwrite")));
int ftruncate64(int fd, off_t length) __attribute__((alias("ftruncate")));
