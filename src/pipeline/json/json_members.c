/* Turns an object with equal keys into the last of each. */
#include "pipeline/json/json_members.h"

#include "base/hash.h"

#include <stdlib.h>

static bool same_key(const struct json_document *document, json_at a, json_at b)
{
    return slice_equal(json_string(document, a), json_string(document, b));
}

/* Where the search for a key begins; seeded, or chosen keys would make it one through all the others. */
static size_t slot_of(const struct json_members *members, struct slice key)
{
    return (size_t)hash_seeded_64(key.data, key.len) & (members->slots - 1);
}

static void note_in_table(struct json_members *members, const struct json_document *document, json_at key)
{
    size_t slot = slot_of(members, json_string(document, key));
    while (members->many[slot] != 0 && !same_key(document, members->many[slot], key)) {
        slot = (slot + 1) & (members->slots - 1);
    }
    members->has_twins = members->has_twins || members->many[slot] != 0;
    members->many[slot] = key;
}

static void note_in_list(struct json_members *members, const struct json_document *document, json_at key)
{
    for (size_t i = 0; i < members->count; i++) {
        if (same_key(document, members->few[i], key)) {
            members->few[i] = key;
            members->has_twins = true;
            return;
        }
    }
    members->few[members->count++] = key;
}

bool json_members_init(struct json_members *members, const struct json_document *document, json_at object)
{
    size_t count = json_count(document, object);
    members->many = NULL;
    members->count = 0;
    members->has_twins = false;
    if (count > JSON_FEW_MEMBERS) {
        members->slots = 64;
        while (members->slots < count * 2) {
            members->slots *= 2;
        }
        members->many = calloc(members->slots, sizeof *members->many);
        if (members->many == NULL) {
            return false;
        }
    }
    for (json_at m = json_first(object); !json_at_end(document, m); m = json_skip(document, m + 1)) {
        if (members->many != NULL) {
            note_in_table(members, document, m);
        } else {
            note_in_list(members, document, m);
        }
    }
    return true;
}

bool json_members_search(const struct json_members *members, const struct json_document *document, json_at key)
{
    if (members->many == NULL) {
        for (size_t i = 0; i < members->count; i++) {
            if (members->few[i] == key) {
                return true;
            }
        }
        return false;
    }
    size_t slot = slot_of(members, json_string(document, key));
    while (!same_key(document, members->many[slot], key)) {
        slot = (slot + 1) & (members->slots - 1);
    }
    return members->many[slot] == key;
}

void json_members_release(struct json_members *members)
{
    free(members->many);
}
