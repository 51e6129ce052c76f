#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <string.h>

#include "base/bytes.h"
#include "pipeline/refused_runs.h"

#define EVENTS 5000

struct list {
    struct buf runs, text;
};

static void release(struct list *list)
{
    buf_release(&list->runs);
    buf_release(&list->text);
}

static const char *written(struct list *list)
{
    buf_clear(&list->text);
    refused_runs_write(&list->runs, &list->text);
    buf_append_byte(&list->text, '\0');
    return list->text.data;
}

static void neighbours_of_one_code_are_one_run(void **state)
{
    (void)state;
    struct list list = { 0 };
    assert_string_equal(written(&list), "{}");
    for (uint32_t i = 100; i < 100100; i++) {
        refused_runs_add(&list.runs, i, ERROR_MISSING_FIELD);
    }
    assert_string_equal(written(&list), "{\"missing_field\":[100,100000]}");
    assert_true(list.runs.len < 64);
    release(&list);
}

static void each_code_has_its_own_list(void **state)
{
    (void)state;
    struct list list = { 0 };
    refused_runs_add(&list.runs, 0, ERROR_UNKNOWN_FIELD);
    refused_runs_add(&list.runs, 1, ERROR_MISSING_FIELD);
    refused_runs_add(&list.runs, 2, ERROR_MISSING_FIELD);
    refused_runs_add(&list.runs, 3, ERROR_UNKNOWN_FIELD);
    refused_runs_add(&list.runs, 9, ERROR_MISSING_FIELD);
    assert_string_equal(written(&list), "{\"missing_field\":[1,2,6,1],\"unknown_field\":[0,1,2,1]}");
    release(&list);
}

/* Reads the object back: the code's name at each event's place. */
static void read_back(const char *text, const char *codes[EVENTS])
{
    static char names[ERROR_COUNT][32];
    size_t name = 0;
    while ((text = strchr(text, '"')) != NULL) {
        size_t length = strcspn(++text, "\"");
        assert_true(length < sizeof names[0]);
        memcpy(names[name], text, length);
        names[name][length] = '\0';
        text += length + 2; /* ": */
        for (uint32_t at = 0; *text != ']';) {
            char *end;
            at += (uint32_t)strtoul(text + 1, &end, 10);
            uint32_t count = (uint32_t)strtoul(end + 1, &end, 10);
            for (; count != 0; count--) {
                assert_true(at < EVENTS && codes[at] == NULL);
                codes[at++] = names[name];
            }
            text = end;
        }
        name++;
    }
}

static void every_refused_event_can_be_read_back_from_five_bytes_an_event(void **state)
{
    (void)state;
    static const enum error some[] = { ERROR_MISSING_FIELD, ERROR_UNKNOWN_FIELD, ERROR_NOT_AN_OBJECT,
                                       ERROR_INVALID_JSON };
    for (unsigned seed = 1; seed < 60; seed++) {
        srandom(seed);
        struct list list = { 0 };
        enum error codes[EVENTS] = { OK };
        const char *found[EVENTS] = { NULL };
        for (uint32_t i = 0; i < EVENTS; i++) {
            bool goes_on = i != 0 && random() % 60 < seed;
            codes[i] = goes_on ? codes[i - 1] : random() % 2 ? some[(size_t)random() % ARRAY_LENGTH(some)] : OK;
            if (codes[i] != OK) {
                refused_runs_add(&list.runs, i, codes[i]);
            }
        }
        read_back(written(&list), found);
        assert_true(list.text.len <= EVENTS * 5 + ARRAY_LENGTH(some) * 32);
        for (uint32_t i = 0; i < EVENTS; i++) {
            if (codes[i] == OK) {
                assert_null(found[i]);
            } else {
                assert_string_equal(found[i], error_info(codes[i])->code);
            }
        }
        release(&list);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(neighbours_of_one_code_are_one_run),
        cmocka_unit_test(each_code_has_its_own_list),
        cmocka_unit_test(every_refused_event_can_be_read_back_from_five_bytes_an_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
