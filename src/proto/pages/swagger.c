/* Turns the folder of Swagger UI into an entry of `files`. */
#include "proto/pages/swagger.h"

#include "config/options/files_options.h"

#include <libgen.h>
#include <limits.h>
#include <unistd.h>

/* Its styles stand in attributes as well; scripts are files alone. Nothing is asked of another host. */
static const char policy[] = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
                             "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static bool has_index(const struct buf *folder)
{
    struct buf path = { 0 };
    buf_append_slice(&path, buf_slice(folder));
    buf_append_string(&path, "/index.html");
    const char *text = buf_c_string(&path);
    bool there = text != NULL && access(text, R_OK) == 0;
    buf_release(&path);
    return there;
}

bool swagger_find(const char *folder, struct buf *path)
{
    static const char *const below[] = { "/share/swagger", "/../share/swagger", "/../share/sluice/swagger" };
    char space[PATH_MAX];
    if (folder[0] != '\0') {
        buf_append_string(path, folder);
        return has_index(path);
    }
    ssize_t length = readlink("/proc/self/exe", space, sizeof space - 1);
    space[length < 0 ? 0 : length] = '\0';
    const char *program = length <= 0 ? "." : dirname(space);
    for (size_t i = 0; i < ARRAY_LENGTH(below); i++) {
        buf_clear(path);
        buf_append_string(path, program);
        buf_append_string(path, below[i]);
        if (has_index(path)) {
            return true;
        }
    }
    return false;
}

struct files_options swagger_files(const char *folder)
{
    static const char *names[] = { "Content-Security-Policy", "Referrer-Policy" };
    static const char *values[] = { policy, "no-referrer" };
    return (struct files_options){
        .path = "/swagger/{file...}",
        .folder = folder,
        .index = "index.html",
        .max_bytes = 16 << 20,
        .headers = { names, values, ARRAY_LENGTH(names) },
        .prefix = "",
    };
}
