/* What a reload takes of a configuration, and what it leaves for a restart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "config/config.h"
#include "config/options/string_list.h"
#include "config/reload.h"
#include "config/tables/option_table.h"

#define STREAM "streams:\n- { name: events, fields: [{ name: id, type: String }] }\n"

static const char *nothing_set(const char *name)
{
    (void)name;
    return NULL;
}

static void load(struct config *config, const char *text)
{
    struct buf problems = { 0 };
    if (!config_parse(config, "test.yaml", slice_from_string(text), nothing_set, &problems)) {
        fail_msg("%.*s", (int)problems.len, problems.data);
    }
    buf_release(&problems);
}

/* Two files, and what is said of their difference. */
struct case_of_two {
    struct config start, next;
    struct buf restarts, changes;
};

static struct case_of_two *compare(const char *before, const char *after)
{
    struct case_of_two *of_two = calloc(1, sizeof *of_two);
    assert_non_null(of_two);
    load(&of_two->start, before);
    load(&of_two->next, after);
    assert_true(config_keep(&option_sections, &of_two->next, &of_two->start, of_two->next.memory, &of_two->restarts));
    config_tell_changes(&option_sections, &of_two->start, &of_two->next, &of_two->changes);
    return of_two;
}

static void release(struct case_of_two *of_two)
{
    config_free(&of_two->next);
    config_free(&of_two->start);
    buf_release(&of_two->restarts);
    buf_release(&of_two->changes);
    free(of_two);
}

static const char *text_of(struct buf *lines)
{
    const char *text = buf_c_string(lines);
    assert_non_null(text);
    return text;
}

static void expect(const char *before, const char *after, const char *restarts, const char *changes)
{
    struct case_of_two *of_two = compare(before, after);
    assert_string_equal(text_of(&of_two->restarts), restarts);
    assert_string_equal(text_of(&of_two->changes), changes);
    release(of_two);
}

static void says_nothing_of_equal_files(void **state)
{
    (void)state;
    expect(STREAM, STREAM, "", "");
    expect("http: { idle_timeout: 75s }\n" STREAM, "# a comment\n" STREAM, "", "");
}

static void tells_each_option_as_it_was_and_is(void **state)
{
    (void)state;
    expect("http: { idle_timeout: 10s, hosts: [a.example] }\nlog: { level: warn }\n" STREAM,
           "http: { idle_timeout: 1m, hosts: [a.example, b.example], max_body: 1025 }\n" STREAM, "",
           "log.level: was warn, is info\n"
           "http.max_body: was 16MiB, is 1025B\n"
           "http.idle_timeout: was 10s, is 1m\n"
           "http.hosts: was [\"a.example\"], is [\"a.example\", \"b.example\"]\n");
}

static void names_what_takes_a_restart_and_keeps_it(void **state)
{
    (void)state;
    struct case_of_two *of_two =
        compare(STREAM, "http: { io_threads: 4, idle_timeout: 5s }\nstore: { max_memory: 1GiB }\n" STREAM);
    assert_string_equal(text_of(&of_two->restarts), "http.io_threads: was 1, is 4; takes a restart\n"
                                                    "store.max_memory: was 2GiB, is 1GiB; takes a restart\n");
    assert_string_equal(text_of(&of_two->changes), "http.idle_timeout: was 75s, is 5s\n");
    assert_int_equal(of_two->next.http.io_threads, 1);
    assert_int_equal(of_two->next.http.idle_timeout_ns, 5000000000);
    release(of_two);
}

static void shows_no_secret(void **state)
{
    (void)state;
    struct case_of_two *of_two =
        compare("store: { password: geheim1 }\n" STREAM, "store: { password: geheim2 }\n" STREAM);
    assert_string_equal(text_of(&of_two->restarts), "store.password: is another one; takes a restart\n");
    release(of_two);
}

static void knows_items_by_their_names(void **state)
{
    (void)state;
    const char *two = "udp: { listeners: [{ listen: \":1\" }, { listen: \":2\" }] }\n" STREAM;
    expect(two, "udp: { listeners: [{ listen: \":2\" }, { listen: \":3\", stream: events }] }\n" STREAM,
           "udp.listeners[:3]: is new; takes a restart\n"
           "udp.listeners[:1]: is gone; takes a restart\n",
           "");
    expect(two, "udp: { listeners: [{ listen: \":2\" }, { listen: \":1\" }] }\n" STREAM,
           "udp.listeners: is in another order; takes a restart\n", "");
    expect(two, "udp: { listeners: [{ listen: \":1\" }, { listen: \":2\", stream: events }] }\n" STREAM,
           "udp.listeners[:2].stream: was nothing, is \"events\"; takes a restart\n", "");
}

static void what_has_no_names_is_told_by_its_number(void **state)
{
    (void)state;
    const char *one = "setup: [a.sql]\n" STREAM;
    expect(one, "setup: [a.sql, b.sql]\n" STREAM, "setup: was a list of 1, is one of 2; takes a restart\n", "");
    expect(one, "setup: [b.sql]\n" STREAM, "setup[0].file: was \"a.sql\", is \"b.sql\"; takes a restart\n", "");
}

static void the_kept_items_outlive_the_file_that_left_them_out(void **state)
{
    (void)state;
    struct case_of_two *of_two = compare("udp: { listeners: [{ listen: \":1\" }, { listen: \":2\" }] }\n" STREAM,
                                         "udp: { listeners: [{ listen: \":2\" }] }\n" STREAM);
    assert_int_equal(of_two->next.udp.listener_count, 2);
    assert_string_equal(of_two->next.udp.listeners[0].listen, ":1");
    assert_string_equal(of_two->next.udp.listeners[1].listen, ":2");
    release(of_two);
}

static void a_stream_may_get_fields_and_rules_but_no_other_type(void **state)
{
    (void)state;
    expect("streams: [{ name: a, fields: [{ name: x, type: String }, { name: y, type: UInt8 }] }]\n",
           "streams: [{ name: a, batch: { max_rows: 7 }, fields: [{ name: z, type: String }, { name: y, type: UInt16, "
           "max: 9 }, "
           "{ name: x, type: String, required: true }] }]\n",
           "streams[a].fields[y].type: was \"UInt8\", is \"UInt16\"; takes a restart\n",
           "streams[a].batch.max_rows: was 100000, is 7\n"
           "streams[a].fields[z]: is new\n"
           "streams[a].fields[x].required: was false, is true\n"
           "streams[a].fields[y].max: was nothing, is \"9\"\n");
    expect("streams: [{ name: a, fields: [{ name: x, type: String }, { name: y, type: UInt8 }] }]\n",
           "streams: [{ name: a, fields: [{ name: x, type: String }] }, { name: b, fields: [{ name: x, type: String }] "
           "}]\n",
           "streams[b]: is new; takes a restart\n"
           "streams[a].max_journal: was 10GiB, is 7680MiB; takes a restart\n"
           "streams[a].fields[y]: is gone; takes a restart\n",
           "");
}

/* Each option of the tables. */

/* One item of each list that such a file may have, as far as lists have items without more. */
static const char everything[] = "http: { listeners: [{ listen: \":8080\" }] }\n"
                                 "udp: { listeners: [{ listen: \":1\" }] }\n"
                                 "include: []\n"
                                 "setup: [a.sql]\n"
                                 "files: [{ path: /f, folder: /tmp }]\n"
                                 "pages: [{ path: /p, text: x }]\n"
                                 "replies: { gone: { any: { status: 410 } } }\n"
                                 "routes: [{ path: /r, stream: events }]\n"
                                 "queries: { q: { path: /q, select: [{ name: n, sql: \"SELECT 1\" }] } }\n"
                                 "lookups: { l: { sql: \"SELECT 1\" } }\n" STREAM;

/* An option in a struct config. */
struct leaf {
    const struct option *option;
    char *place;
    bool reloads;
};

/* The option number *left of the struct; false, with *left lowered by how many there are. */
static bool find_leaf(const struct option_table *table, char *owner, bool reloads, size_t *left, struct leaf *leaf)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct option *option = &table->rows[i];
        bool all = reloads || option->reloads;
        char *place = owner + option->offset;
        bool found = false;
        if (option->type == OPTION_GROUP) {
            found = find_leaf(option->table, place, all, left, leaf);
        } else if (option->type == OPTION_LIST) {
            char *items;
            size_t count;
            memcpy(&items, place, sizeof items);
            memcpy(&count, owner + option->count_offset, sizeof count);
            found = count != 0 && find_leaf(option->table, items, all, left, leaf);
        } else if ((*left)-- == 0) {
            *leaf = (struct leaf){ option, place, all };
            found = true;
        }
        if (found) {
            return true;
        }
    }
    return false;
}

static void change(const struct leaf *leaf)
{
    static const char *texts[] = { "another", "one" };
    static const struct string_list list = { texts, ARRAY_LENGTH(texts) };
    static const struct string_pairs pairs = { texts, texts, ARRAY_LENGTH(texts) };
    switch (leaf->option->type) {
    case OPTION_STRING:
    case OPTION_NAME: memcpy(leaf->place, texts, sizeof texts[0]); break;
    case OPTION_STRINGS: memcpy(leaf->place, &list, sizeof list); break;
    case OPTION_PAIRS: memcpy(leaf->place, &pairs, sizeof pairs); break;
    default: leaf->place[0] = (char)(leaf->place[0] ^ 1); break;
    }
}

/* With this one option changed. False: there are not that many. */
static bool is_told_as_its_row_says(const struct config *start, size_t number)
{
    struct config next;
    struct leaf leaf;
    struct buf restarts = { 0 }, changes = { 0 };
    load(&next, everything);
    bool there = find_leaf(&option_sections, (char *)&next, false, &number, &leaf);
    if (there) {
        bool is_name = strcmp(leaf.option->key, "name") == 0; /* of a list that grows it is gone, and another one new */
        change(&leaf);
        assert_true(config_keep(&option_sections, &next, start, next.memory, &restarts));
        config_tell_changes(&option_sections, start, &next, &changes);
        if ((restarts.len == 0) != leaf.reloads || ((changes.len != 0) != leaf.reloads && !is_name)) {
            fail_msg("%s: \"%.*s\" \"%.*s\"", leaf.option->key, (int)restarts.len, restarts.data, (int)changes.len,
                     changes.data);
        }
    }
    config_free(&next);
    buf_release(&restarts);
    buf_release(&changes);
    return there;
}

static void each_option_reloads_or_is_named_as_its_row_says(void **state)
{
    (void)state;
    struct config start;
    size_t number = 0;
    load(&start, everything);
    while (is_told_as_its_row_says(&start, number)) {
        number++;
    }
    assert_true(number > 200);
    config_free(&start);
}

static bool some_reload(const struct option_table *table)
{
    bool any = false;
    for (size_t i = 0; i < table->count; i++) {
        any = any || table->rows[i].reloads || (table->rows[i].table != NULL && some_reload(table->rows[i].table));
    }
    return any;
}

/* What the sections hold is swapped whole while threads stand still. Those of which a row reloads must be among those that
 * gateway_reload.c swaps. */
static void the_sections_that_reload_are_those_that_are_swapped(void **state)
{
    static const char *const swapped[] = { "log",    "http",    "websocket", "udp",    "drain", "keys",   "keys_file",
                                           "limits", "rejects", "streams",   "writer", "query", "queries" };
    (void)state;
    for (size_t i = 0; i < option_sections.count; i++) {
        const struct option *section = &option_sections.rows[i];
        bool any = section->reloads, listed = false;
        any = any || (section->table != NULL && some_reload(section->table));
        for (size_t s = 0; s < ARRAY_LENGTH(swapped); s++) {
            listed = listed || strcmp(swapped[s], section->key) == 0;
        }
        if (any != listed) {
            fail_msg("%s", section->key);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_nothing_of_equal_files),
        cmocka_unit_test(tells_each_option_as_it_was_and_is),
        cmocka_unit_test(names_what_takes_a_restart_and_keeps_it),
        cmocka_unit_test(shows_no_secret),
        cmocka_unit_test(knows_items_by_their_names),
        cmocka_unit_test(what_has_no_names_is_told_by_its_number),
        cmocka_unit_test(the_kept_items_outlive_the_file_that_left_them_out),
        cmocka_unit_test(a_stream_may_get_fields_and_rules_but_no_other_type),
        cmocka_unit_test(each_option_reloads_or_is_named_as_its_row_says),
        cmocka_unit_test(the_sections_that_reload_are_those_that_are_swapped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
