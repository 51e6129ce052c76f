/* Turns a text with placeholders into the pieces that are written one after another. */
#include "proto/reply/template_private.h"

#include "base/plain_text.h"
#include "proto/reply/json_shape.h"

#include <stdlib.h>

/* Optional parts within each other. */
#define OPTIONAL_DEPTH 8

/* An optional part that is open. */
struct part {
    size_t piece;
    size_t at; /* in the text */
    struct json_shape before;
};

struct compiler {
    struct slice text;
    size_t at;
    struct json_shape shape;
    struct part parts[OPTIONAL_DEPTH];
    size_t open;
    template_knows *knows;
    const void *context;
    struct template *template;
    struct buf *problem;
};

/* Bytes of the text that a problem shows. */
#define SHOWN 48

/* False, so that it can be returned. */
static bool fail_at(struct compiler *compiler, size_t at, const char *why)
{
    char shown[SHOWN];
    struct slice rest = slice_after(compiler->text, at);
    size_t len = plain_text_copy(rest, shown, sizeof shown);
    if (len == 0) {
        buf_printf(compiler->problem, "at its end: %s", why);
    } else {
        buf_printf(compiler->problem, "at %s%s: %s", shown, rest.len >= sizeof shown ? "…" : "", why);
    }
    return false;
}

static bool fail(struct compiler *compiler, const char *why)
{
    return fail_at(compiler, compiler->at, why);
}

/* Literals that follow each other become one piece, unless a part ends between them. */
static void add_literal(struct compiler *compiler, struct slice text, bool apart)
{
    struct template *template = compiler->template;
    size_t count = template_count(template);
    struct piece *last = count != 0 ? template_piece(template, count - 1) : NULL;
    if (last != NULL && last->kind == PIECE_LITERAL && !apart) {
        last->len += (uint32_t)text.len;
    } else {
        struct piece piece = { PIECE_LITERAL, (uint32_t) template->text.len, (uint32_t)text.len, 0 };
        buf_append(&template->pieces, &piece, sizeof piece);
    }
    buf_append_slice(&template->text, text);
}

static void add_name(struct compiler *compiler, enum piece_kind kind, struct slice name)
{
    struct template *template = compiler->template;
    struct piece piece = { kind, (uint32_t) template->text.len, (uint32_t)name.len, 0 };
    buf_append(&template->pieces, &piece, sizeof piece);
    buf_append_slice(&template->text, name);
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_of_name(char c)
{
    return is_letter(c) || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == ':' || c == '|';
}

/* Behind its brace. */
static struct slice read_name(const struct compiler *compiler)
{
    struct slice rest = slice_after(compiler->text, compiler->at + 1);
    size_t len = 0;
    while (len < rest.len && is_of_name(rest.data[len])) {
        len++;
    }
    return slice_make(rest.data, len);
}

static bool open_part(struct compiler *compiler, struct slice name)
{
    if (compiler->open == OPTIONAL_DEPTH) {
        return fail(compiler, "optional parts stand at most 8 deep in each other");
    }
    compiler->parts[compiler->open++] =
        (struct part){ template_count(compiler->template), compiler->at, compiler->shape };
    add_name(compiler, PIECE_OPTIONAL, name);
    return true;
}

static bool add_value(struct compiler *compiler, struct slice name)
{
    bool json = compiler->template->kind == TEMPLATE_JSON;
    const char *why = json ? json_shape_take_hole(&compiler->shape) : NULL;
    if (why != NULL) {
        return fail(compiler, why);
    }
    add_name(compiler, json && compiler->shape.in_string ? PIECE_QUOTED : PIECE_VALUE, name);
    return true;
}

static bool take_placeholder(struct compiler *compiler)
{
    struct slice name = read_name(compiler);
    size_t behind = compiler->at + 1 + name.len;
    char end = behind < compiler->text.len ? compiler->text.data[behind] : '\0';
    if (end != '}' && end != '?') {
        return fail(compiler, "a placeholder is a name in braces, {name} or {name?text}; write {{ for a brace");
    }
    if (!compiler->knows(compiler->context, name)) {
        return fail(compiler,
                    "there is no placeholder of this name here; docs/routes.md and docs/queries.md list them");
    }
    bool good = end == '}' ? add_value(compiler, name) : open_part(compiler, name);
    compiler->at = behind + 1;
    return good;
}

/* The brace ends the part that is open, and nothing that was opened in it. */
static bool ends_part(const struct compiler *compiler)
{
    if (compiler->open == 0 || compiler->text.data[compiler->at] != '}') {
        return false;
    }
    const struct json_shape *before = &compiler->parts[compiler->open - 1].before;
    return compiler->shape.in_string == before->in_string &&
           (before->in_string || compiler->shape.depth == before->depth);
}

/* A piece of its own, so that what is left out ends where the part does. */
static bool close_part(struct compiler *compiler)
{
    const struct part *part = &compiler->parts[--compiler->open];
    const char *why = json_shape_join(&compiler->shape, &part->before);
    add_literal(compiler, SLICE(""), true);
    if (compiler->template->pieces.failed) {
        return false;
    }
    template_piece(compiler->template, part->piece)->end = (uint32_t)template_count(compiler->template) - 1;
    compiler->at++;
    return why == NULL || fail_at(compiler, part->at, why);
}

/* A part must not close what was opened before it, even if it opens it again. */
static bool stays_within_part(const struct compiler *compiler)
{
    const struct json_shape *before = compiler->open != 0 ? &compiler->parts[compiler->open - 1].before : NULL;
    return before == NULL || (before->in_string ? compiler->shape.in_string : compiler->shape.depth >= before->depth);
}

static bool take_json(struct compiler *compiler, struct slice text, size_t *taken)
{
    const char *why = json_shape_take(&compiler->shape, text, taken);
    if (why == NULL && !stays_within_part(compiler)) {
        why = "an optional part must close what it opens, and no more";
    }
    return why == NULL || fail(compiler, why);
}

static bool take_plain(struct compiler *compiler, size_t *taken)
{
    unsigned char c = (unsigned char)compiler->text.data[compiler->at];
    *taken = 1;
    if (compiler->template->kind == TEMPLATE_FIELD && (c < 0x20 || c == 0x7F)) {
        return fail(compiler, "a header field or URL holds no control characters");
    }
    return true;
}

/* `doubled`: the text begins with "{{", a brace. */
static bool take_literal(struct compiler *compiler, bool doubled)
{
    compiler->at += doubled;
    size_t taken;
    struct slice rest = slice_after(compiler->text, compiler->at);
    bool good =
        compiler->template->kind == TEMPLATE_JSON ? take_json(compiler, rest, &taken) : take_plain(compiler, &taken);
    if (good) {
        add_literal(compiler, slice_make(rest.data, taken), false);
        compiler->at += taken;
    }
    return good;
}

static bool take_next(struct compiler *compiler)
{
    struct slice rest = slice_after(compiler->text, compiler->at);
    if (rest.data[0] == '{' && rest.len > 1 && is_letter(rest.data[1])) {
        return take_placeholder(compiler);
    }
    if (ends_part(compiler)) {
        return close_part(compiler);
    }
    return take_literal(compiler, slice_starts_with(rest, SLICE("{{")));
}

static bool compile(struct compiler *compiler)
{
    if (compiler->text.len > TEMPLATE_MAX) {
        buf_printf(compiler->problem, "it is longer than %d bytes", TEMPLATE_MAX);
        return false;
    }
    while (compiler->at < compiler->text.len) {
        if (!take_next(compiler)) {
            return false;
        }
    }
    if (compiler->open != 0) {
        return fail_at(compiler, compiler->parts[compiler->open - 1].at, "no '}' ends this optional part");
    }
    const char *why = compiler->template->kind == TEMPLATE_JSON ? json_shape_end(&compiler->shape) : NULL;
    return why == NULL || fail(compiler, why);
}

struct template *template_compile(struct slice text, enum template_kind kind, template_knows *knows,
                                  const void *context, struct buf *problem)
{
    struct template *template = calloc(1, sizeof *template);
    if (template == NULL) {
        return NULL;
    }
    template->kind = kind;
    struct compiler compiler = {
        .text = text,
        .shape = json_shape_start(),
        .knows = knows,
        .context = context,
        .template = template,
        .problem = problem,
    };
    if (!compile(&compiler) || template->text.failed || template->pieces.failed) {
        template_free(template);
        return NULL;
    }
    return template;
}

void template_free(struct template *template)
{
    if (template != NULL) {
        buf_release(&template->text);
        buf_release(&template->pieces);
        free(template);
    }
}

bool template_next_name(const struct template *template, size_t *at, struct slice *name)
{
    for (; *at < template_count(template); ++*at) {
        const struct piece *piece = template_piece(template, *at);
        if (piece->kind != PIECE_LITERAL) {
            *name = template_text_of(template, piece);
            ++*at;
            return true;
        }
    }
    return false;
}

bool template_begins_with_value(const struct template *template)
{
    return template_count(template) != 0 && template_piece(template, 0)->kind != PIECE_LITERAL;
}
