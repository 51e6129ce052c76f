/* Turns one JSON object into the places of its columns' values. */
#include "pipeline/scan.h"

static void note(struct scan *scan, int column, int rank, json_at at, const struct path_node *array)
{
    struct place *place = &scan->places.places[column];
    uint64_t *word = &scan->places.bits[column / 64];
    uint64_t bit = UINT64_C(1) << (column % 64);
    if ((*word & bit) != 0 && place->rank < rank) {
        return;
    }
    *word |= bit;
    *place = (struct place){ at, rank, array };
}

static void forget(struct scan *scan, const struct path_node *node)
{
    size_t column = (size_t)node->column;
    if (node->column >= 0 && places_has(&scan->places, column) && scan->places.places[column].rank == node->rank) {
        places_forget(&scan->places, column);
    }
}

/* What came through an earlier equal key; what came by another path stays. */
static void forget_below(struct scan *scan, const struct path_node *node)
{
    for (size_t i = 0; i < node->child_slots; i++) {
        if (node->children[i] != NULL) {
            forget(scan, node->children[i]);
            forget_below(scan, node->children[i]);
        }
    }
    for (size_t i = 0; i < node->array_column_count; i++) {
        size_t column = (size_t)node->array_columns[i];
        if (places_has(&scan->places, column) && scan->places.places[column].array == node) {
            places_forget(&scan->places, column);
        }
    }
}

static inline bool leads_further(const struct path_node *node)
{
    return node->child_count != 0 || node->array != NULL;
}

/* Was a key of this node there before? Perhaps also if only one of the same mark was: then there is nothing to forget. */
static inline bool was_seen(const struct scan *scan, const struct path_node *node)
{
    return (scan->seen >> node->mark & 1) != 0;
}

/* null is absent, also where an earlier equal key had a value. */
static void skip_null(struct scan *scan, const struct path_node *node)
{
    forget(scan, node);
    if (was_seen(scan, node)) {
        forget_below(scan, node);
    }
}

static bool wrong(struct scan *scan, const struct path_node *node, const char *expected)
{
    scan->culprit = node->key;
    scan->expected = expected;
    return false;
}

/* Below a node that has children or an array. */
static bool scan_inside(struct scan *scan, const struct path_node *node, json_at at);

static inline bool scan_one(struct scan *scan, const struct path_node *node, json_at at)
{
    if (json_type(scan->document, at) == 'n') {
        skip_null(scan, node);
        return true;
    }
    if (node->column >= 0) {
        note(scan, node->column, node->rank, at, NULL);
    }
    return !leads_further(node) || scan_inside(scan, node, at);
}

static bool scan_object(struct scan *scan, const struct path_node *node, json_at object)
{
    const struct json_document *document = scan->document;
    for (json_at m = json_first(object); !json_at_end(document, m); m = json_skip(document, m + 1)) {
        struct slice key = json_string(document, m);
        const struct path_node *child = path_child(node, key.data, key.len);
        if (child != NULL) {
            if (!scan_one(scan, child, m + 1)) {
                return false;
            }
            continue;
        }
        scan->found_unknown = scan->found_unknown || !scan->taken;
        if (scan->reject_unknown && !scan->taken) {
            scan->culprit = key;
            scan->expected = NULL;
            return false;
        }
    }
    return true;
}

static bool scan_inside(struct scan *scan, const struct path_node *node, json_at at)
{
    char type = json_type(scan->document, at);
    if (was_seen(scan, node)) {
        forget_below(scan, node);
    }
    scan->seen |= UINT64_C(1) << node->mark;
    if (node->child_count != 0 && type == '{') {
        bool taken = scan->taken;
        scan->taken = taken || node->column >= 0;
        bool fine = scan_object(scan, node, at);
        scan->taken = taken;
        return fine;
    }
    if (node->array != NULL && type == '[') {
        for (size_t i = 0; i < node->array_column_count; i++) {
            note(scan, node->array_columns[i], node->array_ranks[i], at, node);
        }
        return true;
    }
    return node->column >= 0 || wrong(scan, node, node->array != NULL ? "an array" : "an object");
}

bool scan_event(struct scan *scan, const struct path_node *root, json_at object)
{
    return scan_object(scan, root, object);
}

bool scan_element(struct scan *scan, const struct path_node *node, json_at at)
{
    return scan_one(scan, node, at);
}
