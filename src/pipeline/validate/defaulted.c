/* Turns values that do not fit into counts of the defaults that stand for them. */
#include "pipeline/validate/defaulted.h"

#include "base/assert.h"
#include "event/path.h"

#include <stdlib.h>

bool defaulted_init(struct defaulted *defaulted, size_t columns)
{
    defaulted->bits = calloc(columns / 64 + 1, sizeof *defaulted->bits);
    defaulted->counts = calloc(columns + 1, sizeof *defaulted->counts);
    return defaulted->bits != NULL && defaulted->counts != NULL;
}

void defaulted_release(struct defaulted *defaulted)
{
    free(defaulted->bits);
    free(defaulted->counts);
}

void defaulted_note(struct defaulted *defaulted, const struct column_spec *spec)
{
    size_t column = (size_t)(spec - defaulted->columns);
    ASSERT_BELOW(column / 64, defaulted->words);
    defaulted->bits[column / 64] |= UINT64_C(1) << (column % 64);
    defaulted->any = true;
}

/* The tree is as deep as its paths, which the configuration bounds. */
void defaulted_note_below(struct defaulted *defaulted, const struct path_node *node)
{
    if (node->column >= 0) {
        defaulted_note(defaulted, &defaulted->columns[node->column]);
    }
    for (size_t i = 0; i < node->child_slots; i++) {
        if (node->children[i] != NULL) {
            defaulted_note_below(defaulted, node->children[i]);
        }
    }
    for (size_t i = 0; i < node->array_column_count; i++) {
        defaulted_note(defaulted, &defaulted->columns[node->array_columns[i]]);
    }
}

void defaulted_begin(struct defaulted *defaulted)
{
    if (defaulted->any) {
        memset(defaulted->bits, 0, defaulted->words * sizeof *defaulted->bits);
        defaulted->any = false;
    }
}

void defaulted_count(struct defaulted *defaulted)
{
    for (size_t word = 0; word < defaulted->words; word++) {
        for (uint64_t bits = defaulted->bits[word]; bits != 0; bits &= bits - 1) {
            defaulted->counts[word * 64 + (size_t)__builtin_ctzll(bits)]++;
            defaulted->count++;
        }
    }
}
