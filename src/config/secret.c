/* Turns files that hold a secret into options. */
#include "config/secret.h"

#include "base/assert.h"
#include "config/option_problem.h"
#include "config/options/dedup_options.h"
#include "config/options/query_options.h"
#include "config/options/store_options.h"
#include "config/yaml/memory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LONGEST_SECRET 4096

static bool is_fit(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((uint8_t)text.data[i] < ' ' || text.data[i] == 0x7F) {
            return false;
        }
    }
    return text.len != 0;
}

/* Without the line end that editors and echo put behind it. */
static struct slice without_end(struct slice text)
{
    static const char ends[] = { '\n', '\r' };
    for (size_t i = 0; i < sizeof ends; i++) {
        text.len -= text.len != 0 && text.data[text.len - 1] == ends[i] ? 1 : 0;
    }
    return text;
}

/* NULL, with a problem. */
static const char *read_secret(struct option_reader *reader, const char *option, const char *path)
{
    char bytes[LONGEST_SECRET + 1];
    FILE *file = fopen(path, "rbe");
    size_t length = file == NULL ? 0 : fread(bytes, 1, sizeof bytes, file);
    bool read = file != NULL && ferror(file) == 0;
    int number = errno;
    if (file != NULL) {
        fclose(file);
    }
    struct slice secret = without_end(slice_make(bytes, length));
    const char *copy = NULL;
    if (!read) {
        option_problem(reader, 0, option, "cannot read %s: %s", path, strerror(number));
    } else if (length > LONGEST_SECRET || !is_fit(secret)) {
        option_problem(reader, 0, option,
                       "%s holds nothing, several lines, control characters, or more than %d bytes; expected one line",
                       path, LONGEST_SECRET);
    } else {
        copy = memory_copy(reader->memory, secret);
    }
    explicit_bzero(bytes, sizeof bytes);
    return copy;
}

static const char *value_of(const struct option_reader *reader, const char *variable)
{
    const char *value = reader->lookup(variable);
    return value != NULL && *value != '\0' ? value : NULL;
}

const char *secret_of_variable(struct option_reader *reader, const char *variable)
{
    char name[64];
    int len = snprintf(name, sizeof name, "%s_FILE", variable);
    ASSERT(len > 0 && (size_t)len < sizeof name);
    const char *path = value_of(reader, name);
    if (path != NULL && value_of(reader, variable) != NULL) {
        option_problem(reader, 0, name, "found beside %s, expected one of them", variable);
        return NULL;
    }
    return path == NULL ? NULL : read_secret(reader, name, path);
}

/* `*secret` becomes what the file at `path` holds, if that is given. */
static void settle(struct option_reader *reader, const char *option, const char *path, const char *other,
                   const char **secret)
{
    if (path[0] != '\0' && (*secret)[0] != '\0') {
        option_problem(reader, 0, option, "found beside %s, expected one of these", other);
    } else if (path[0] != '\0') {
        *secret = read_secret(reader, option, path);
    }
}

void settle_secrets(struct option_reader *reader, struct store_options *store, struct query_options *query,
                    struct dedup_options *dedup)
{
    settle(reader, "store.password_file", store->password_file,
           "store.password, CLICKHOUSE_PASSWORD or CLICKHOUSE_PASSWORD_FILE", &store->password);
    settle(reader, "query.password_file", query->password_file, "query.password", &query->password);
    settle(reader, "dedup.redis_password_file", dedup->redis_password_file,
           "dedup.redis_password, REDIS_PASSWORD or REDIS_PASSWORD_FILE", &dedup->redis_password);
}
