/* Turns one JSON object into the places of its columns' values. */
#include "pipeline/validate/scan.h"

#include "event/path.h"
#include "pipeline/validate/defaulted.h"

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

static inline bool leads_further(const struct path_node *node)
{
    return node->child_count != 0 || node->array != NULL;
}

/* Takes back what came from the value of an earlier equal key; what came by another path stays. By a walk of that value, so
 * that keys sent over and over cost no more than their text. */
static void RARE forget_passed(struct scan *scan, const struct path_node *node)
{
    const struct json_document *document = scan->document;
    json_at at = scan->places.passed[node->number];
    scan->places.passed[node->number] = 0;
    if (at == 0) {
        return;
    }
    for (size_t i = 0; json_type(document, at) == '[' && i < node->array_column_count; i++) {
        size_t column = (size_t)node->array_columns[i];
        if (places_has(&scan->places, column) && scan->places.places[column].array == node) {
            places_forget(&scan->places, column);
        }
    }
    if (json_type(document, at) != '{') {
        return;
    }
    for (json_at m = json_first(at); !json_at_end(document, m); m = json_skip(document, m + 1)) {
        struct slice key = json_string(document, m);
        const struct path_node *child = path_child(node, key.data, key.len);
        if (child != NULL) {
            forget(scan, child);
        }
        if (child != NULL && leads_further(child)) {
            forget_passed(scan, child);
        }
    }
}

/* null is absent, also where an earlier equal key had a value. */
static void skip_null(struct scan *scan, const struct path_node *node)
{
    forget(scan, node);
    if (leads_further(node)) {
        forget_passed(scan, node);
    }
}

static bool RARE wrong(struct scan *scan, const struct path_node *node, const char *expected)
{
    if (scan->defaulted != NULL) {
        defaulted_note_below(scan->defaulted, node);
        return true;
    }
    scan->culprit = node->key;
    scan->expected = expected;
    return false;
}

/* Below the root, or a node that has children or an array. */
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
        scan->found_unknown = scan->found_unknown || scan->taken == 0;
        if (scan->reject_unknown && scan->taken == 0) {
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
    if (scan->places.passed[node->number] != 0) {
        forget_passed(scan, node);
    }
    scan->places.passed[node->number] = at;
    if (type == '{' && (node->child_count != 0 || node->array == NULL)) {
        scan->taken += node->column >= 0;
        bool fine = scan_object(scan, node, at);
        scan->taken -= node->column >= 0;
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
    return scan_inside(scan, root, object);
}

bool scan_element(struct scan *scan, const struct path_node *node, json_at at)
{
    return scan_one(scan, node, at);
}
