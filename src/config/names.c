/* Turns two items of one name into a problem that names both places. */
#include "config/names.h"

#include "config/option_read.h"

#include <stdio.h>

/* What every item begins with. */
struct origin {
    int line;
    const char *file;
};

static const struct origin *origin_of(const void *items, size_t size, size_t index)
{
    return (const void *)((const char *)items + index * size);
}

static const char *name_of(const void *items, size_t size, size_t index, size_t name_offset)
{
    const char *name;
    memcpy(&name, (const char *)items + index * size + name_offset, sizeof name);
    return name;
}

static void report(struct option_reader *reader, const char *path, size_t index, const char *name,
                   const struct origin *again, const struct origin *first)
{
    const char *file = reader->file;
    bool same_file = strcmp(again->file, first->file) == 0;
    char item[64];
    snprintf(item, sizeof item, "%s[%zu].name", path, index);
    reader->file = again->file;
    option_problem(reader, again->line, item, "found \"%s\" again (first in line %d%s%s), expected a name of its own",
                   name, first->line, same_file ? "" : " of ", same_file ? "" : first->file);
    reader->file = file;
}

void names_check(struct option_reader *reader, const char *path, const void *items, size_t count, size_t size,
                 size_t name_offset)
{
    for (size_t i = 0; i < count; i++) {
        const char *name = name_of(items, size, i, name_offset);
        for (size_t k = 0; name != NULL && k < i; k++) {
            const char *other = name_of(items, size, k, name_offset);
            if (other != NULL && strcmp(name, other) == 0) {
                report(reader, path, i, name, origin_of(items, size, i), origin_of(items, size, k));
                break;
            }
        }
    }
}
