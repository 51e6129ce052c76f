/* What a template is made of: the inner part of template, not for others. */
#pragma once

#include "proto/reply/template.h"

enum piece_kind {
    PIECE_LITERAL,
    PIECE_VALUE,
    PIECE_QUOTED,   /* a value within a string of JSON */
    PIECE_OPTIONAL, /* what follows up to `end` is written if the name has a value */
};

struct piece {
    enum piece_kind kind;
    uint32_t at; /* of its text or name, in template.text */
    uint32_t len;
    uint32_t end; /* PIECE_OPTIONAL: the piece behind its part */
};

/* Invariant: a part ends within the one it stands in; pieces[i].end > i, and at most `count`. */
struct template
{
    enum template_kind kind;
    struct buf text;   /* literals and names */
    struct buf pieces; /* struct piece */
};

static inline size_t template_count(const struct template *template)
{
    return template->pieces.len / sizeof(struct piece);
}

static inline struct piece *template_piece(const struct template *template, size_t i)
{
    return (struct piece *)(void *)template->pieces.data + i;
}

static inline struct slice template_text_of(const struct template *template, const struct piece *piece)
{
    return slice_make(template->text.data + piece->at, piece->len);
}
