/* Makes documents that no text was parsed for: a tape and its strings as json.h describes them, written value by value.
 *
 *   json_tape_clear → json_tape_open, json_tape_text, json_tape_copy, …, json_tape_close → json_tape_end_root → json_tape_document
 *
 * Of several values the first one behind json_tape_clear is the root. Memory is short if `words` or `strings` says `failed`. */
#pragma once

#include "pipeline/json/json.h"

/* Invariant: words[0] stands before the root; containers count from it. */
struct json_tape {
    struct buf words; /* uint64_t */
    struct buf strings;
};

void json_tape_release(struct json_tape *tape);
void json_tape_shed(struct json_tape *tape, size_t kept);

/* Keeps the first `strings` bytes of the strings, for values that json_tape_copy_shared brings. */
void json_tape_clear(struct json_tape *tape, size_t strings);

/* Valid until the tape is written to. */
static inline struct json_document json_tape_document(const struct json_tape *tape)
{
    return (struct json_document){ (const uint64_t *)(const void *)tape->words.data, tape->strings.data };
}

/* Where the next value will stand. */
static inline json_at json_tape_end(const struct json_tape *tape)
{
    return (json_at)(tape->words.len / sizeof(uint64_t));
}

static inline bool json_tape_failed(const struct json_tape *tape)
{
    return tape->words.failed || tape->strings.failed;
}

/* `type`: '"', or JSON_LARGE_NUMBER. */
void json_tape_text(struct json_tape *tape, char type, struct slice text);
/* 't', 'f', 'n'. */
void json_tape_literal(struct json_tape *tape, char type);
/* A number as RFC 8259 writes it, the whole text. */
void json_tape_number(struct json_tape *tape, struct slice text);

/* '{' or '['. Keys and values of an object alternate. */
MUST_CHECK json_at json_tape_open(struct json_tape *tape, char type);
/* The innermost that is open; `count` of its members. */
void json_tape_close(struct json_tape *tape, json_at opened, size_t count);

/* Behind the root: what a parser puts there, as readers look at the word behind a value (json_measure.c). */
void json_tape_end_root(struct json_tape *tape);

/* A value of another document. */
void json_tape_copy(struct json_tape *tape, const struct json_document *document, json_at at);
/* The same, its strings being at the same place in the strings of this tape. Pure of strings. */
void json_tape_copy_shared(struct json_tape *tape, const struct json_document *document, json_at at);
