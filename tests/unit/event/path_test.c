#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "event/path.h"

static bool add(struct path_node *root, const char *path, int column, int rank)
{
    struct buf problem = { 0 };
    bool fine = path_add(root, slice_from_string(path), column, rank, &problem);
    assert_int_equal(fine, problem.len == 0);
    buf_release(&problem);
    return fine;
}

static const struct path_node *child(const struct path_node *node, const char *key)
{
    return path_child(node, key, strlen(key));
}

static void finds_a_nested_key(void **state)
{
    struct path_node *root = path_new();
    (void)state;
    assert_true(add(root, "device.geo.country", 3, 0));
    assert_true(add(root, "device.geo", 4, 1));
    const struct path_node *geo = child(child(root, "device"), "geo");
    assert_int_equal(geo->column, 4);
    assert_int_equal(geo->rank, 1);
    assert_int_equal(child(geo, "country")->column, 3);
    assert_null(child(geo, "city"));
    assert_null(child(root, ""));
    path_free(root);
}

static void keeps_the_columns_of_an_array_together(void **state)
{
    struct path_node *root = path_new();
    (void)state;
    assert_true(add(root, "items[].id", 0, 2));
    assert_true(add(root, "items[].sku", 0, 1));
    assert_true(add(root, "items[].price", 1, 0));
    assert_true(add(root, "tags[]", 2, 0));
    const struct path_node *items = child(root, "items");
    assert_int_equal(items->column, -1);
    assert_int_equal(items->array_column_count, 2);
    assert_int_equal(items->array_ranks[0], 1);
    assert_int_equal(child(items->array, "price")->column, 1);
    assert_int_equal(child(root, "tags")->array->column, 2);
    path_free(root);
}

static void numbers_the_nodes_that_lead_further(void **state)
{
    static const char *const paths[] = { "a", "b.c", "b.d.e", "i[].f", "i[].g.h", "b.d.j", "i.k" };
    struct path_node *root = path_new();
    bool given[6] = { false };
    (void)state;
    for (int i = 0; i < (int)ARRAY_LENGTH(paths); i++) {
        assert_true(add(root, paths[i], i, 0));
    }
    const struct path_node *b = child(root, "b"), *i = child(root, "i");
    const struct path_node *further[] = { root, b, child(b, "d"), i, i->array, child(i->array, "g") };
    assert_int_equal(root->number_count, ARRAY_LENGTH(further));
    for (size_t n = 0; n < ARRAY_LENGTH(further); n++) {
        assert_true(further[n]->number < ARRAY_LENGTH(further) && !given[further[n]->number]);
        given[further[n]->number] = true;
    }
    path_free(root);
}

static void finds_every_one_of_many_keys(void **state)
{
    static char keys[500][16];
    struct path_node *root = path_new();
    (void)state;
    for (int i = 0; i < 500; i++) {
        snprintf(keys[i], sizeof keys[i], "k%d", i);
        assert_true(add(root, keys[i], i, 0));
    }
    for (int i = 0; i < 500; i++) {
        assert_int_equal(child(root, keys[i])->column, i);
    }
    path_free(root);
}

static void refuses_malformed_and_conflicting_paths(void **state)
{
    static const char *const bad[] = { "",     ".",       "a.",  "a..b", "[]",    "[].a",
                                       "a[0]", "a[].b[]", "a]b", "a[]b", "taken", "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q" };
    struct path_node *root = path_new();
    (void)state;
    assert_true(add(root, "taken", 0, 0));
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        assert_false(add(root, bad[i], 1, 0));
    }
    path_free(root);
}

static void names_that_are_alike_get_places_apart(void **state)
{
    (void)state;
    static const char *const forms[] = { "f%d", "metrics_%03d_total", "%d_of_the_fields", "a%dz" };
    for (size_t form = 0; form < ARRAY_LENGTH(forms); form++) {
        bool taken[256] = { false };
        int places = 0;
        for (int i = 0; i < 100; i++) {
            char name[32];
            int len = snprintf(name, sizeof name, forms[form], i);
            size_t place = path_hash(name, (size_t)len) % ARRAY_LENGTH(taken);
            places += !taken[place];
            taken[place] = true;
        }
        assert_true(places > 70); /* 83 if they fell at random */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_a_nested_key),
        cmocka_unit_test(keeps_the_columns_of_an_array_together),
        cmocka_unit_test(numbers_the_nodes_that_lead_further),
        cmocka_unit_test(finds_every_one_of_many_keys),
        cmocka_unit_test(refuses_malformed_and_conflicting_paths),
        cmocka_unit_test(names_that_are_alike_get_places_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
