/* Turns paths like "a.b[].c" into a tree of keys. */
#include "event/path.h"

#include "base/assert.h"

#include <stdlib.h>

#define MAX_STEPS 16

struct path_node *path_new(void)
{
    struct path_node *node = calloc(1, sizeof *node);
    if (node != NULL) {
        node->column = -1;
    }
    return node;
}

void path_free(struct path_node *root)
{
    if (root == NULL) {
        return;
    }
    for (size_t i = 0; i < root->child_slots; i++) {
        path_free(root->children[i]);
    }
    path_free(root->array);
    free(root->children);
    free(root->array_columns);
    free(root->array_ranks);
    free(root);
}

static void place(struct path_node **children, size_t slots, struct path_node *child)
{
    ASSERT((slots & (slots - 1)) == 0 && slots != 0);
    size_t slot = path_hash(child->key.data, child->key.len) & (slots - 1);
    while (children[slot] != NULL) {
        slot = (slot + 1) & (slots - 1);
    }
    children[slot] = child;
}

/* At most half of the slots are taken, so that a search for an absent key ends soon. */
static bool grow(struct path_node *node)
{
    size_t slots = node->child_slots == 0 ? 4 : node->child_slots * 2;
    struct path_node **children = calloc(slots, sizeof(struct path_node *));
    if (children == NULL) {
        return false;
    }
    for (size_t i = 0; i < node->child_slots; i++) {
        if (node->children[i] != NULL) {
            place(children, slots, node->children[i]);
        }
    }
    free(node->children);
    node->children = children;
    node->child_slots = slots;
    return true;
}

/* Before the node gets its first child or its array. */
static void give_number(struct path_node *root, struct path_node *node)
{
    if (node->child_count == 0 && node->array == NULL) {
        node->number = root->number_count++;
    }
}

static struct path_node *child_of(struct path_node *root, struct path_node *node, struct slice key)
{
    struct path_node *child = (struct path_node *)(uintptr_t)path_child(node, key.data, key.len);
    if (child != NULL) {
        return child;
    }
    if ((node->child_count + 1) * 2 > node->child_slots && !grow(node)) {
        return NULL;
    }
    child = path_new();
    if (child != NULL) {
        give_number(root, node);
        child->key = key;
        place(node->children, node->child_slots, child);
        node->child_count++;
        ASSERT_AT_MOST(node->child_count * 2, node->child_slots);
    }
    return child;
}

bool path_ignore(struct path_node *root, struct slice key)
{
    return child_of(root, root, key) != NULL;
}

/* The node of one element, and a note that `column` takes one value from each. */
static struct path_node *element_of(struct path_node *root, struct path_node *node, int column, int rank)
{
    size_t count = node->array_column_count;
    for (size_t i = 0; i < count; i++) {
        if (node->array_columns[i] == column) {
            node->array_ranks[i] = rank < node->array_ranks[i] ? rank : node->array_ranks[i];
            return node->array;
        }
    }
    give_number(root, node);
    int *columns = realloc(node->array_columns, (count + 1) * sizeof *columns);
    node->array_columns = columns != NULL ? columns : node->array_columns;
    int *ranks = realloc(node->array_ranks, (count + 1) * sizeof *ranks);
    node->array_ranks = ranks != NULL ? ranks : node->array_ranks;
    node->array = node->array != NULL ? node->array : path_new();
    if (columns == NULL || ranks == NULL || node->array == NULL) {
        return NULL;
    }
    columns[count] = column;
    ranks[count] = rank;
    node->array_column_count++;
    return node->array;
}

static bool refuse(struct buf *problem, struct slice path, const char *why)
{
    buf_printf(problem, "the path \"%.*s\" %s", (int)path.len, path.data, why);
    return false;
}

/* NULL if it is well formed, else why not. */
static const char *malformed(struct slice path)
{
    struct slice rest = path, step;
    int steps = 0, arrays = 0;
    while (slice_split(&rest, '.', &step)) {
        bool array = step.len >= 2 && memcmp(step.data + step.len - 2, "[]", 2) == 0;
        size_t key = array ? step.len - 2 : step.len;
        arrays += array;
        if (key == 0) {
            return "has an empty key; write it as in \"device.geo.country\" or \"items[].id\"";
        }
        if (memchr(step.data, '[', key) != NULL || memchr(step.data, ']', key) != NULL) {
            return "has brackets elsewhere than at the end of a key";
        }
        if (++steps > MAX_STEPS) {
            return "has more than 16 keys";
        }
    }
    return steps == 0 ? "is empty" : arrays > 1 ? "goes through more than one array" : NULL;
}

#define NO_TEXT "\xFF" /* no byte of UTF-8 */

/* "@query" is a member like any other; only "@query.x" is not. */
static const struct {
    struct slice name, key;
} sources[] = {
    { { "@query", 6 }, { NO_TEXT "query", 6 } },      { { "@path", 5 }, { NO_TEXT "path", 5 } },
    { { "@cookie", 7 }, { NO_TEXT "cookie", 7 } },    { { "@header", 7 }, { NO_TEXT "header", 7 } },
    { { "@form", 5 }, { NO_TEXT "form", 5 } },        { { "@envelope", 9 }, { NO_TEXT "envelope", 9 } },
    { { "envelope", 8 }, { NO_TEXT "envelope", 9 } },
};
_Static_assert(ARRAY_LENGTH(sources) == PATH_OF_COUNT, "each source once, and the envelope by two names");

struct slice path_source_key(enum path_source source)
{
    ASSERT_BELOW(source, PATH_OF_COUNT);
    return source == PATH_OF_NONE ? SLICE("") : sources[source - 1].key;
}

bool path_reads_request(const struct path_node *root)
{
    for (enum path_source source = PATH_OF_QUERY; source < PATH_OF_COUNT; source++) {
        if (path_source_node(root, source) != NULL) {
            return true;
        }
    }
    return false;
}

/* The first key of a path, as the tree has it. */
static struct slice first_key(struct slice key, bool alone)
{
    for (size_t i = 0; i < ARRAY_LENGTH(sources) && !alone; i++) {
        if (slice_equal(sources[i].name, key)) {
            return sources[i].key;
        }
    }
    return key;
}

struct path_steps path_steps(struct slice keys)
{
    struct path_steps steps = { .rest = keys.data != NULL ? keys : SLICE("") };
    struct slice rest = steps.rest, key;
    int count = 0;
    while (slice_split(&rest, '.', &key) && !steps.whole) {
        steps.whole = key.len == 0 || ++count > MAX_STEPS;
    }
    return steps;
}

bool path_next_step(struct path_steps *steps, struct slice *key)
{
    if (!steps->whole) {
        return slice_split(&steps->rest, '.', key);
    }
    *key = steps->rest;
    steps->rest = (struct slice){ 0 };
    return key->data != NULL;
}

const struct path_node *path_find(const struct path_node *node, struct slice keys)
{
    struct path_steps steps = path_steps(keys);
    struct slice key;
    while (node != NULL && path_next_step(&steps, &key)) {
        node = path_child(node, key.data, key.len);
    }
    return node;
}

bool path_add(struct path_node *root, struct slice path, int column, int rank, struct buf *problem)
{
    const char *why = malformed(path);
    if (why != NULL) {
        return refuse(problem, path, why);
    }
    struct path_node *node = root;
    struct slice rest = path, step;
    while (node != NULL && slice_split(&rest, '.', &step)) {
        bool array = step.len > 2 && step.data[step.len - 1] == ']';
        struct slice key = slice_make(step.data, array ? step.len - 2 : step.len);
        node = child_of(root, node, node == root ? first_key(key, array || rest.data == NULL) : key);
        if (node != NULL && array) {
            node = element_of(root, node, column, rank);
        }
    }
    if (node == NULL) {
        return refuse(problem, path, "could not be kept: out of memory");
    }
    if (node->column >= 0) {
        return refuse(problem, path, node->column == column ? "is given twice" : "already leads to another field");
    }
    node->column = column;
    node->rank = rank;
    return true;
}
