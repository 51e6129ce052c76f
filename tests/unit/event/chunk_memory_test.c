#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/options/options.h"
#include "event/chunk.h"
#include "failing_realloc.h"
#include "pipeline/pipeline_io.h"
#include "schema_fixture.h"

#define PAYLOADS 6
#define MOST_EVENTS 60
#define SEEDS 1000

/* Every shape of a column, and every way in which one gets the values that an event does not bring. */
static struct field_options fields[] = {
    FIELD("n", "UInt32", .required = true),
    FIELD("number", "Nullable(UInt64)"),
    FIELD("text", "String"),
    FIELD("word", "Nullable(String)", .default_value = "none"),
    FIELD("list", "Array(Nullable(String))"),
    FIELD("map", "Map(String, String)"),
    FIELD("id", "Array(UInt8)", .from = LIST("items[].id")),
    FIELD("name", "Array(String)", .from = LIST("items[].name")),
    FIELD("now", "DateTime", .default_value = "now"),
    FIELD("address", "Nullable(String)", .fill = FILL_CLIENT_IP),
    FIELD("agent", "String", .fill = FILL_USER_AGENT),
};
static const struct stream_options options = {
    .name = "s", .fields = fields, .field_count = ARRAY_LENGTH(fields), .dedup_key = LIST("n")
};

/* Tests repeat: the same seed makes the same events, and lets the same calls fail. */
static uint64_t seed;

static uint32_t below(uint32_t bound)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % bound;
}

/* A member of an event and how its row shows it; '#' stands for the event's number. */
static const struct {
    const char *member, *shown, *absent;
} members[] = {
    { "\"number\":#", "\"number\":\"#\"", "\"number\":null" },
    { "\"text\":\"#\"", "\"text\":\"#\"", "\"text\":\"\"" },
    { "\"word\":\"#\"", "\"word\":\"#\"", "\"word\":\"none\"" },
    { "\"list\":[\"#\",null]", "\"list\":[\"#\",null]", "\"list\":[]" },
    { "\"map\":{\"#\":\"#\"}", "\"map\":{\"#\":\"#\"}", "\"map\":{}" },
    { "\"items\":[{\"id\":#,\"name\":\"#\"},{}]", "\"id\":[#,0],\"name\":[\"#\",\"\"]", "\"id\":[],\"name\":[]" },
};

static void append_numbered(struct buf *out, const char *text, uint32_t number)
{
    for (; *text != '\0'; text++) {
        if (*text == '#') {
            buf_printf(out, "%u", number);
        } else {
            buf_append_byte(out, (uint8_t)*text);
        }
    }
}

struct run {
    struct fixture fixture;
    struct buf text; /* of a payload */
    struct buf rows; /* lines: how the rows that are kept must begin */
};

static void append_event(struct run *run, uint32_t number)
{
    append_numbered(&run->text, "{\"n\":#", number);
    append_numbered(&run->rows, "{\"n\":#", number);
    for (size_t i = 0; i < ARRAY_LENGTH(members); i++) {
        bool absent = below(2) == 0;
        if (!absent) {
            append_numbered(&run->text, ",", 0);
            append_numbered(&run->text, members[i].member, number);
        }
        append_numbered(&run->rows, ",", 0);
        append_numbered(&run->rows, absent ? members[i].absent : members[i].shown, number);
    }
    append_numbered(&run->text, "}", 0);
    buf_printf(&run->rows, ",\"now\":\"2024-11-22 00:00:00\",\"address\":\"192.0.2.77\",\"agent\":\"%.*s\"\n",
               (int)run->fixture.context.user_agent.len, run->fixture.context.user_agent.data);
}

/* False: memory ran short, nothing of the payload is kept. */
static bool take_payload(struct fixture *fixture, const struct json_document *document)
{
    uint32_t first_row = fixture->chunk->rows;
    bool whole = true;
    for (json_at m = json_first(JSON_ROOT); whole && !json_at_end(document, m); m = json_skip(document, m)) {
        whole = validate_event(fixture->validator, document, m, &fixture->context, fixture->chunk, &fixture->error);
    }
    whole = whole && validate_finish(fixture->validator, &fixture->context, fixture->chunk) == OK &&
            (below(4) != 0 || chunk_seal(fixture->chunk));
    if (!whole) {
        chunk_truncate(fixture->chunk, first_row);
    }
    return whole;
}

static void submit_payload_short_of_memory(struct run *run, uint32_t payload)
{
    char agent[16];
    struct json_document document;
    size_t rows_before = run->rows.len;
    run->fixture.context.user_agent = slice_make(agent, (size_t)snprintf(agent, sizeof agent, "agent %u", payload));
    buf_clear(&run->text);
    for (uint32_t count = 1 + below(MOST_EVENTS); count != 0; count--) {
        append_numbered(&run->text, run->text.len == 0 ? "[" : ",", 0);
        append_event(run, below(256));
    }
    append_numbered(&run->text, "]", 0);
    size_t length = run->text.len;
    buf_append_fill(&run->text, 0, JSON_PADDING);
    assert_int_equal(json_parse(run->fixture.parser, slice_make(run->text.data, length), &document), OK);
    realloc_fail(below(40), below(4));
    bool whole = take_payload(&run->fixture, &document);
    realloc_fail(0, 0);
    if (!whole) {
        run->rows.len = rows_before;
    }
}

static void assert_rows(struct run *run)
{
    struct buf block = { 0 }, row = { 0 };
    struct native_block read = { 0 };
    struct slice expected = buf_slice(&run->rows), line;
    assert_true(chunk_seal(run->fixture.chunk));
    native_encode(run->fixture.chunk, NULL, run->fixture.chunk->rows, (struct native_sink){ fixture_write, &block });
    struct slice rest = buf_slice(&block);
    assert_true(run->rows.len == 0 || (native_read(&read, &rest) && rest.len == 0));
    for (uint64_t i = 0; i < read.rows; i++) {
        buf_clear(&row);
        native_row_to_json(&read, i, &row);
        assert_true(slice_split(&expected, '\n', &line));
        if (!slice_starts_with(buf_slice(&row), line)) {
            fail_msg("row %u: %s, not %.*s", (unsigned)i, buf_c_string(&row), (int)line.len, line.data);
        }
    }
    assert_int_equal(expected.len, 0);
    native_block_release(&read);
    buf_release(&block);
    buf_release(&row);
}

static void a_payload_that_memory_runs_short_for_leaves_the_rows_of_the_others_whole(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < SEEDS; i++) {
        struct run run = { .rows = { 0 } };
        seed = i;
        fixture_init(&run.fixture, &options);
        for (uint32_t payload = 0; payload < PAYLOADS; payload++) {
            submit_payload_short_of_memory(&run, payload);
        }
        assert_rows(&run);
        fixture_release(&run.fixture);
        buf_release(&run.text);
        buf_release(&run.rows);
    }
}

static void what_could_not_be_sealed_can_be_once_it_was_cut_and_memory_is_back(void **state)
{
    struct fixture fixture;
    (void)state;
    fixture_init(&fixture, &options);
    assert_int_equal(fixture_event(&fixture, "{\"n\":1}"), OK);
    realloc_fail(0, SIZE_MAX);
    assert_false(chunk_seal(fixture.chunk));
    realloc_fail(0, 0);
    chunk_truncate(fixture.chunk, 1);
    assert_true(chunk_seal(fixture.chunk));
    fixture_release(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_payload_that_memory_runs_short_for_leaves_the_rows_of_the_others_whole),
        cmocka_unit_test(what_could_not_be_sealed_can_be_once_it_was_cut_and_memory_is_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
