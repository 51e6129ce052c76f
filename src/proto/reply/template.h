/* Templates: texts with placeholders, compiled once and written for each reply.
 *
 *   {name}       the value of a name: a letter or '_', then letters, digits and "_.-:|"
 *   {name?text}  `text`, which may hold placeholders and such parts too, if the name has a value; nothing else
 *   {{           a brace
 *
 * '{' before anything else, and '}' that ends no optional part, are themselves. So JSON is written as it is.
 *
 * What a value may be does not matter: it cannot get out of its place.
 *   TEMPLATE_JSON   within quotes a value is escaped into the string; elsewhere it is written as JSON (a text with its
 *                   quotes; no value: null). The text is checked when it is compiled: whatever the values are, and whichever
 *                   optional parts are left out, JSON is written.
 *   TEMPLATE_TEXT   as it is.
 *   TEMPLATE_FIELD  for values of header fields and URLs: a value ends at its first control character, so that it starts no
 *                   other field.
 *
 * A template is not changed after it was compiled; any threads may write it at once. */
#pragma once

#include "base/bytes.h"

enum template_kind { TEMPLATE_JSON, TEMPLATE_TEXT, TEMPLATE_FIELD };

/* Of the text. */
#define TEMPLATE_MAX 65536

struct template;

/* Is there a value of this name? */
typedef bool template_knows(const void *context, struct slice name);

/* NULL, and what is wrong with which part of it in `problem` (or nothing: memory is short). */
struct template *template_compile(struct slice text, enum template_kind kind, template_knows *knows,
                                  const void *context, struct buf *problem);
void template_free(struct template *template);

/* The name that is used at *at, advancing it; from 0, in the order of the text, as often as it is used. False: no more. */
bool template_next_name(const struct template *template, size_t *at, struct slice *name);

/* Does it begin with a placeholder, so that a value says what it is (of a URL: where it goes)? */
bool template_begins_with_value(const struct template *template);

/* A value: a text in UTF-8 (what is none becomes U+FFFD in JSON), or one JSON value. */
struct template_text {
    struct slice bytes; /* valid until the next value is asked for */
    bool is_json;
};

/* False: the name has no value. */
typedef bool template_value(void *context, struct slice name, struct template_text *text);

/* Appends; false (and out->failed) if memory is short. */
bool template_write(const struct template *template, template_value *value, void *context, struct buf *out);
