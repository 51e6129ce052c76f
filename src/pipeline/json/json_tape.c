/* Turns values into the words of a tape. */
#include "pipeline/json/json_tape.h"

#include "base/assert.h"
#include "pipeline/json/json_number.h"

#define PAYLOAD_BITS UINT64_C(0x00FFFFFFFFFFFFFF)
#define COUNT_MOST UINT64_C(0xFFFFFF)

void json_tape_release(struct json_tape *tape)
{
    buf_release(&tape->words);
    buf_release(&tape->strings);
}

void json_tape_shed(struct json_tape *tape, size_t kept)
{
    buf_shed(&tape->words, kept);
    buf_shed(&tape->strings, kept);
}

static inline void put(struct json_tape *tape, char type, uint64_t payload)
{
    buf_append_u64(&tape->words, (uint64_t)(uint8_t)type << 56 | payload);
}

void json_tape_clear(struct json_tape *tape, size_t strings)
{
    ASSERT_AT_MOST(strings, tape->strings.len);
    bool failed = tape->strings.failed && strings != 0;
    buf_clear(&tape->words);
    buf_clear(&tape->strings);
    tape->strings.len = strings;
    tape->strings.failed = failed;
    put(tape, 'r', 0);
}

void json_tape_text(struct json_tape *tape, char type, struct slice text)
{
    uint32_t len = (uint32_t)text.len;
    if (text.len > UINT32_MAX || !buf_reserve(&tape->strings, sizeof len + text.len + 1)) {
        tape->strings.failed = true;
        return;
    }
    put(tape, type, tape->strings.len);
    buf_append(&tape->strings, &len, sizeof len);
    buf_append_slice(&tape->strings, text);
    buf_append_byte(&tape->strings, 0);
}

void json_tape_literal(struct json_tape *tape, char type)
{
    put(tape, type, 0);
}

static bool is_whole(struct slice number)
{
    for (size_t i = 0; i < number.len; i++) {
        if (number.data[i] == '.' || (number.data[i] | 0x20) == 'e') {
            return false;
        }
    }
    return true;
}

void json_tape_number(struct json_tape *tape, struct slice text)
{
    int64_t integer;
    uint64_t positive;
    double number;
    if (!json_number_fits(text)) {
        json_tape_text(tape, JSON_LARGE_NUMBER, text);
    } else if (!is_whole(text)) {
        number = json_number_double(text);
        put(tape, 'd', 0);
        buf_append(&tape->words, &number, sizeof number);
    } else if (slice_to_i64(text, &integer)) {
        put(tape, 'l', 0);
        buf_append_u64(&tape->words, (uint64_t)integer);
    } else if (slice_to_u64(text, &positive)) {
        put(tape, 'u', 0);
        buf_append_u64(&tape->words, positive);
    } else {
        json_tape_text(tape, JSON_LARGE_NUMBER, text);
    }
}

json_at json_tape_open(struct json_tape *tape, char type)
{
    json_at opened = json_tape_end(tape);
    put(tape, type, 0);
    return opened;
}

void json_tape_close(struct json_tape *tape, json_at opened, size_t count)
{
    if (json_tape_failed(tape)) {
        return;
    }
    uint64_t *word = (uint64_t *)(void *)tape->words.data + opened;
    char type = (char)(*word >> 56);
    ASSERT(type == '{' || type == '[');
    put(tape, type == '{' ? '}' : ']', opened);
    if (!tape->words.failed) { /* it may have moved */
        word = (uint64_t *)(void *)tape->words.data + opened;
        *word |= (uint64_t)json_tape_end(tape) | (count < COUNT_MOST ? count : COUNT_MOST) << 32;
    }
}

void json_tape_end_root(struct json_tape *tape)
{
    put(tape, 'r', 0);
}

/* Words of containers hold where others stand: all move alike. */
static void copy_words(struct json_tape *tape, const struct json_document *document, json_at at, bool shared)
{
    json_at end = json_skip(document, at);
    uint64_t shift = (uint64_t)json_tape_end(tape) - at; /* wraps around, and back */
    while (at < end && !json_tape_failed(tape)) {
        uint64_t word = document->tape[at];
        char type = (char)(word >> 56);
        switch (type) {
        case '{':
        case '[': put(tape, type, (word & COUNT_MOST << 32) | (uint32_t)((uint32_t)word + shift)); break;
        case '}':
        case ']': put(tape, type, (uint32_t)((uint32_t)word + shift)); break;
        case '"':
        case JSON_LARGE_NUMBER:
            if (shared) {
                put(tape, type, word & PAYLOAD_BITS);
            } else {
                json_tape_text(tape, type, json_string(document, at));
            }
            break;
        case 'l':
        case 'u':
        case 'd':
            put(tape, type, 0);
            buf_append_u64(&tape->words, document->tape[++at]);
            break;
        default: put(tape, type, 0);
        }
        at++;
    }
}

void json_tape_copy(struct json_tape *tape, const struct json_document *document, json_at at)
{
    copy_words(tape, document, at, false);
}

void json_tape_copy_shared(struct json_tape *tape, const struct json_document *document, json_at at)
{
    copy_words(tape, document, at, true);
}
