/* Writes JSON member by member into a buf; commas come by themselves. Pure; failures are sticky in the buf. */
#pragma once

#include "base/bytes.h"

/* `key` NULL: an item of an array, or the whole. */
void json_out_open(struct buf *out, const char *key, char bracket);
void json_out_close(struct buf *out, char bracket);
void json_out_key(struct buf *out, struct slice key);
void json_out_text(struct buf *out, const char *key, struct slice text);
void json_out_string(struct buf *out, const char *key, const char *text);
void json_out_integer(struct buf *out, const char *key, int64_t number);
void json_out_unsigned(struct buf *out, const char *key, uint64_t number);
void json_out_bool(struct buf *out, const char *key, bool value);

/* What is JSON already. */
void json_out_raw(struct buf *out, const char *key, struct slice json);

/* {"$ref":"#/components/KIND/NAME"}, where only [A-Za-z0-9._-] of the name stay. */
void json_out_reference(struct buf *out, const char *key, const char *kind, struct slice name);

/* Whether that was written already: components that nobody refers to are left out. */
bool json_out_is_referred_to(const struct buf *out, const char *kind, struct slice name);

/* The name of a component: other bytes than [A-Za-z0-9._-] become '_'. */
void json_out_component(struct buf *out, struct slice name);
