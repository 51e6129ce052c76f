/* What is no XML is told before the engine is started with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/engine_config.h"

static const struct {
    const char *text;
    int line; /* 0: it is XML */
} cases[] = {
    { "<clickhouse></clickhouse>", 0 },
    { "<?xml version=\"1.0\"?>\n<!-- a > b -->\n<clickhouse a='>' b=\"<\">\n <x/> text <y "
      "z='1'>&amp;</y>\n</clickhouse>\n",
      0 },
    { "<a><![CDATA[ <b> ]]></a>", 0 },
    { "<!DOCTYPE a><a/>", 0 },
    { "", 1 },
    { "\n\n", 3 },
    { "a: 1", 1 },
    { "<a>\n<b></a>", 2 },
    { "<a>\n", 2 },
    { "<a/>\n<b/>", 2 },
    { "<a>\n<b x='></b></a>", 2 },
    { "</a>", 1 },
    { "<a>\n<b <c/></a>", 2 },
    { "<a>\n<!-- </a>", 2 },
    { "<a></a>\nx", 2 },
    { "<>\n</>", 1 },
    { "<", 1 },
};

static void xml_is_told_from_what_is_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        int line = 0;
        bool fine = engine_config_is_xml(slice_from_string(cases[i].text), &line);
        if (fine != (cases[i].line == 0) || (!fine && line != cases[i].line)) {
            fail_msg("%s: %d in line %d", cases[i].text, fine, line);
        }
    }
}

static void a_file_that_cannot_be_read_is_named(void **state)
{
    (void)state;
    struct buf problem = { 0 };
    assert_false(engine_config_check("/nowhere/engine.xml", &problem));
    assert_non_null(strstr(buf_c_string(&problem), "/nowhere/engine.xml"));
    buf_release(&problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(xml_is_told_from_what_is_none),
        cmocka_unit_test(a_file_that_cannot_be_read_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
