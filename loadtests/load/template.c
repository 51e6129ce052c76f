/* Turns a template into text with patches, and a number into the bytes of each patch. */
#include "template.h"

#include "digits.h"

#include <stdlib.h>

#define DAY_MS 86400000
#define HOUR_MS 3600000
#define MINUTE_MS 60000
#define RANDOM_MAX 18
#define HEX_MAX 64

const struct slice load_template_default = SLICE(
    "{\"event_name\":\"purchase\",\"channel\":\"web\",\"campaign_id\":\"sale\",\"user_id\":\"u${number}\","
    "\"timestamp\":${time},\"tags\":[\"mobile\",\"premium\"],\"metadata\":{\"amount\":99.99,\"currency\":\"USD\"}}");

/* A number's own noise (the finalizer of splitmix64). */
static uint64_t noise(uint64_t number, uint64_t seed)
{
    uint64_t x = number + seed * 0x9E3779B97F4A7C15u;
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return x ^ x >> 31;
}

/* Even over [0, range), but for one part in 2^64 / range. */
static uint64_t noise_below(uint64_t range, uint64_t number, uint64_t seed)
{
    return (uint64_t)((unsigned __int128)noise(number, seed) * range >> 64);
}

static void put_number(const struct template_patch *patch, char *at, uint64_t number)
{
    (void)patch;
    digits_put(at, TEMPLATE_NUMBER_DIGITS, number);
}

static void put_time(const struct template_patch *patch, char *at, uint64_t number)
{
    digits_put(at, TEMPLATE_TIME_DIGITS, (uint64_t)patch->base_ms + number % MINUTE_MS);
}

static void put_random(const struct template_patch *patch, char *at, uint64_t number)
{
    digits_put(at, patch->width, noise_below(patch->range, number, patch->seed));
}

static void put_hex(const struct template_patch *patch, char *at, uint64_t number)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < patch->width; i++, bits >>= 4) {
        if (i % 16 == 0) {
            bits = noise(number, patch->seed + (i / 16 << 32));
        }
        at[i] = "0123456789abcdef"[bits & 0xF];
    }
}

static void put_pick(const struct template_patch *patch, char *at, uint64_t number)
{
    uint64_t word = noise_below(patch->range, number, patch->seed);
    memcpy(at, patch->words + word * (patch->width + 1), patch->width);
}

static bool take_nothing(struct template_patch *patch, struct slice argument)
{
    (void)patch;
    return argument.data == NULL;
}

static uint64_t power_of_ten(size_t exponent)
{
    uint64_t power = 1;
    while (exponent-- != 0) {
        power *= 10;
    }
    return power;
}

static bool take_width(struct template_patch *patch, struct slice argument)
{
    uint64_t width = 0;
    if (argument.data == NULL || !slice_to_u64(argument, &width) || width == 0 || width > patch->width) {
        return false;
    }
    patch->width = (size_t)width;
    patch->range = width <= RANDOM_MAX ? power_of_ten(patch->width) : 0; /* hex digits need none */
    return true;
}

static bool take_words(struct template_patch *patch, struct slice argument)
{
    struct slice word;
    patch->words = argument.data;
    patch->range = 0;
    for (; slice_split(&argument, '|', &word); patch->range++) {
        if (patch->range == 0) {
            patch->width = word.len;
        }
        if (word.len == 0 || word.len != patch->width) {
            return false;
        }
    }
    return patch->range != 0;
}

static const struct placeholder {
    struct slice name;
    size_t width; /* of its bytes, or the most of them */
    bool (*take)(struct template_patch *patch, struct slice argument);
    void (*put)(const struct template_patch *patch, char *at, uint64_t number);
    const char *expected;
} placeholders[] = {
    { { "number", 6 }, TEMPLATE_NUMBER_DIGITS, take_nothing, put_number, "${number}" },
    { { "time", 4 }, TEMPLATE_TIME_DIGITS, take_nothing, put_time, "${time}" },
    { { "random", 6 }, RANDOM_MAX, take_width, put_random, "${random:N} with N from 1 to 18" },
    { { "hex", 3 }, HEX_MAX, take_width, put_hex, "${hex:N} with N from 1 to 64" },
    { { "pick", 4 }, 0, take_words, put_pick, "${pick:a|b|c} with words of the same length" },
};

static const struct placeholder *placeholder_of(struct slice name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(placeholders); i++) {
        if (slice_equal(placeholders[i].name, name)) {
            return &placeholders[i];
        }
    }
    return NULL;
}

/* `inside` stands between "${" and "}". */
static bool add_patch(struct template *t, struct slice inside, int64_t base_ms, struct buf *problem)
{
    struct slice argument = inside, name;
    const struct placeholder *found = slice_split(&argument, ':', &name) ? placeholder_of(name) : NULL;
    if (found == NULL) {
        buf_printf(problem, "${%.*s}: no placeholder; there are number, time, random, hex and pick", (int)inside.len,
                   inside.data);
        return false;
    }
    if (t->patch_count == TEMPLATE_PATCHES_MAX) {
        buf_printf(problem, "more than %d placeholders", TEMPLATE_PATCHES_MAX);
        return false;
    }
    struct template_patch *patch = &t->patches[t->patch_count++];
    *patch = (struct template_patch){
        .put = found->put, .at = t->text.len, .width = found->width, .seed = t->patch_count, .base_ms = base_ms
    };
    if (!found->take(patch, argument)) {
        buf_printf(problem, "${%.*s}: expected %s", (int)inside.len, inside.data, found->expected);
        return false;
    }
    t->has_number |= found->put == put_number;
    buf_append_fill(&t->text, '0', patch->width);
    return true;
}

/* On one line, for NDJSON: in JSON a line break stands only where a space may. */
static void append_text(struct buf *text, struct slice piece)
{
    for (size_t i = 0; i < piece.len; i++) {
        char c = piece.data[i];
        buf_append_byte(text, (uint8_t)(c == '\n' || c == '\r' ? ' ' : c));
    }
}

static bool compile(struct template *t, struct slice rest, int64_t base_ms, struct buf *problem)
{
    for (const char *start; (start = memmem(rest.data, rest.len, "${", 2)) != NULL;) {
        append_text(&t->text, slice_make(rest.data, (size_t)(start - rest.data)));
        rest = slice_after(rest, (size_t)(start + 2 - rest.data));
        const char *end = memchr(rest.data, '}', rest.len);
        if (end == NULL) {
            buf_append_string(problem, "a ${ without its }");
            return false;
        }
        struct slice inside = slice_make(rest.data, (size_t)(end - rest.data));
        if (!add_patch(t, inside, base_ms, problem)) {
            return false;
        }
        rest = slice_after(rest, inside.len + 1);
    }
    append_text(&t->text, rest);
    return true;
}

static struct slice without_end_of_line(struct slice source)
{
    while (source.len != 0 && strchr(" \t\r\n", source.data[source.len - 1]) != NULL) {
        source.len--;
    }
    return source;
}

bool load_template_compile(struct template *t, struct slice source, int64_t now_ms, struct buf *problem)
{
    *t = (struct template){ 0 };
    source = without_end_of_line(source);
    t->source = malloc(source.len + 1);
    if (t->source == NULL) {
        buf_append_string(problem, "out of memory");
        return false;
    }
    memcpy(t->source, source.data, source.len);
    int64_t base_ms = now_ms / DAY_MS * DAY_MS - HOUR_MS;
    if (!compile(t, slice_make(t->source, source.len), base_ms, problem)) {
        return false;
    }
    if (t->text.len == 0 || t->text.failed) {
        buf_append_string(problem, t->text.failed ? "out of memory" : "it is empty");
        return false;
    }
    return true;
}

void load_template_release(struct template *t)
{
    free(t->source);
    buf_release(&t->text);
    *t = (struct template){ 0 };
}
