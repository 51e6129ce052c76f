/* Turns an object into the paths that a JSON column makes of it: which members count, and whether two name the same. */
#include "pipeline/validate/json_paths.h"

#include "base/hash.h"
#include "event/path.h"
#include "pipeline/json/json_members.h"

#include <stdlib.h>

/* Does the node say of some parts of such a value that they are known, but not of the value as a whole? */
static bool is_on_the_way(const struct path_node *node, char type)
{
    return node->column < 0 &&
           ((type == '{' && node->child_count != 0) || (type == '[' && node->array != NULL && node->array->column < 0));
}

bool json_is_left_out(const struct json_document *document, json_at key, const struct path_node *known,
                      const struct path_node **below)
{
    struct slice name = json_string(document, key);
    *below = known == NULL ? NULL : path_child(known, name.data, name.len);
    return *below != NULL && !is_on_the_way(*below, json_type(document, key + 1));
}

/* The paths of an object's leaves, for the rare object with a dot in a key. A path is known by its hash alone: written
 * out, a long key would count once for each leaf below it. */
struct paths {
    const struct json_document *document;
    struct buf *found;            /* the path that is looked for goes there */
    struct buf prefix;            /* the path of the object being walked, with its last dot */
    struct buf hashes;            /* struct hash128 each */
    const struct hash128 *wanted; /* not NULL: the path with this hash is looked for */
    bool failed;
};

/* The hash of a path with one more key: the same whether "a.b" is one key or two. */
static struct hash128 hash_path(struct hash128 path, struct slice key)
{
    struct slice step;
    while (slice_split(&key, '.', &step)) {
        const struct hash128 both[] = { path, hash_seeded_128(step.data, step.len) };
        path = hash_seeded_128(both, sizeof both);
    }
    return path;
}

static int compare_hashes(const void *a, const void *b)
{
    const struct hash128 *left = a, *right = b;
    int order = (left->high > right->high) - (left->high < right->high);
    return order != 0 ? order : (left->low > right->low) - (left->low < right->low);
}

static void note_leaf(struct paths *paths, struct hash128 hash)
{
    if (paths->wanted == NULL) {
        buf_append(&paths->hashes, &hash, sizeof hash);
    } else if (paths->found->len == 0 && compare_hashes(&hash, paths->wanted) == 0) {
        buf_append_slice(paths->found, buf_slice(&paths->prefix));
    }
}

static void walk_paths(struct paths *paths, json_at object, const struct path_node *known, struct hash128 above)
{
    const struct json_document *document = paths->document;
    const struct path_node *below;
    struct json_members members;
    if (!json_members_init(&members, document, object)) {
        paths->failed = true;
        return;
    }
    for (json_at m = json_first(object); !json_at_end(document, m); m = json_skip(document, m + 1)) {
        size_t before = paths->prefix.len;
        struct slice key = json_string(document, m);
        if (!json_members_has(&members, document, m) || json_is_left_out(document, m, known, &below)) {
            continue;
        }
        struct hash128 hash = hash_path(above, key);
        buf_append_slice(&paths->prefix, key);
        if (json_type(document, m + 1) == '{') {
            buf_append_byte(&paths->prefix, '.');
            walk_paths(paths, m + 1, below, hash);
        } else {
            note_leaf(paths, hash);
        }
        paths->prefix.len = before;
    }
    json_members_release(&members);
}

/* Sorts the hashes; equal neighbours are a conflict. */
static const struct hash128 *find_twins(const struct paths *paths)
{
    struct hash128 *hashes = (struct hash128 *)(void *)paths->hashes.data;
    size_t count = paths->hashes.len / sizeof *hashes;
    if (count != 0) {
        qsort(hashes, count, sizeof *hashes, compare_hashes);
    }
    for (size_t i = 1; i < count; i++) {
        if (compare_hashes(&hashes[i - 1], &hashes[i]) == 0) {
            return &hashes[i];
        }
    }
    return NULL;
}

enum error json_check_paths(const struct json_document *document, json_at object, const struct path_node *known,
                            struct buf *path)
{
    static const struct hash128 none;
    struct paths paths = { .document = document, .found = path };
    walk_paths(&paths, object, known, none);
    paths.failed = paths.failed || paths.hashes.failed;
    paths.wanted = paths.failed ? NULL : find_twins(&paths);
    if (paths.wanted != NULL) {
        walk_paths(&paths, object, known, none);
    }
    bool failed = paths.failed || paths.prefix.failed;
    enum error error = failed ? ERROR_OUT_OF_MEMORY : paths.wanted != NULL ? ERROR_CONFLICTING_KEYS : OK;
    buf_release(&paths.prefix);
    buf_release(&paths.hashes);
    return error;
}
