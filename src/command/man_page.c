/* Markdown in, man(7) out: line by line, with the kind of line before as the only memory. */
#include "command/man_page.h"

#include "base/assert.h"

#define CELLS_MAX 8

struct state {
    struct buf *out;
    bool in_code;
    size_t head_count; /* of the table that is being read; 0: none */
    struct slice head[CELLS_MAX];
};

/* --- characters and what stands in a line --- */

static void append_character(struct buf *out, char c)
{
    if (c == '\\') {
        buf_append_string(out, "\\e");
    } else if (c == '-') {
        buf_append_string(out, "\\-");
    } else {
        buf_append_byte(out, (uint8_t)c);
    }
}

/* A text that is taken as it is, at the start of a line or not: no request of troff can stand in it. */
static void append_plain(struct buf *out, struct slice text)
{
    if (text.len != 0 && (text.data[0] == '.' || text.data[0] == '\'')) {
        buf_append_string(out, "\\&");
    }
    for (size_t i = 0; i < text.len; i++) {
        append_character(out, (char)text.data[i]);
    }
}

/* The text before `end`, if `rest` begins with `mark` and has it; *after is where it goes on, else 0. */
static struct slice between(struct slice rest, struct slice mark, struct slice end, size_t *after)
{
    *after = 0;
    if (!slice_starts_with(rest, mark)) {
        return SLICE("");
    }
    struct slice inner = slice_after(rest, mark.len);
    const char *found = memmem(inner.data, inner.len, end.data, end.len);
    if (found == NULL) {
        return SLICE("");
    }
    size_t length = (size_t)(found - (const char *)inner.data);
    *after = mark.len + length + end.len;
    return slice_make(inner.data, length);
}

static void append_bold(struct buf *out, struct slice text)
{
    buf_append_string(out, "\\fB");
    append_plain(out, text);
    buf_append_string(out, "\\fR");
}

/* "[text](where)" as text; *after as above. */
static size_t append_link(struct buf *out, struct slice rest)
{
    size_t to_text, to_end;
    struct slice text = between(rest, SLICE("["), SLICE("]("), &to_text);
    if (to_text == 0) {
        return 0;
    }
    (void)between(slice_after(rest, to_text - 1), SLICE("("), SLICE(")"), &to_end);
    if (to_end != 0) {
        append_plain(out, text);
    }
    return to_end != 0 ? to_text - 1 + to_end : 0;
}

static size_t append_mark(struct buf *out, struct slice rest)
{
    size_t after;
    struct slice code = between(rest, SLICE("`"), SLICE("`"), &after);
    if (after == 0) {
        code = between(rest, SLICE("**"), SLICE("**"), &after);
    }
    if (after != 0) {
        append_bold(out, code);
        return after;
    }
    return append_link(out, rest);
}

static void append_inline(struct buf *out, struct slice text)
{
    if (text.len != 0 && (text.data[0] == '.' || text.data[0] == '\'')) {
        buf_append_string(out, "\\&");
    }
    while (text.len != 0) {
        size_t after = append_mark(out, text);
        if (after == 0) {
            append_character(out, (char)text.data[0]);
            after = 1;
        }
        text = slice_after(text, after);
    }
}

/* --- lines --- */

static size_t split_cells(struct slice line, struct slice cells[CELLS_MAX])
{
    struct slice rest = slice_after(line, 1); /* behind the first bar */
    size_t count = 0;
    while (count < CELLS_MAX && slice_split(&rest, '|', &cells[count])) {
        cells[count] = slice_trim(cells[count]);
        count++;
    }
    ASSERT(count > 1); /* what is behind the last bar is a cell, and empty */
    return count - 1;
}

static bool is_rule(struct slice line)
{
    return slice_starts_with(line, SLICE("|---"));
}

/* "key", and beside it what the middle cells say, each with the name of its column. */
static void append_row(struct state *state, struct slice line)
{
    struct slice cells[CELLS_MAX];
    size_t count = split_cells(line, cells);
    struct buf *out = state->out;
    buf_append_string(out, ".TP\n");
    append_inline(out, cells[0]);
    for (size_t i = 1; i + 1 < count; i++) {
        if (cells[i].len != 0) {
            buf_append_string(out, i == 1 ? " \\(em " : "; ");
            if (i > 1) {
                append_plain(out, state->head[i]);
                buf_append_string(out, ": ");
            }
            append_inline(out, cells[i]);
        }
    }
    buf_append_byte(out, '\n');
    append_inline(out, cells[count - 1]);
    buf_append_byte(out, '\n');
}

static void append_table_line(struct state *state, struct slice line)
{
    if (state->head_count == 0) {
        state->head_count = split_cells(line, state->head);
    } else if (!is_rule(line)) {
        append_row(state, line);
    }
}

static void append_heading(struct state *state, struct slice line)
{
    size_t level = 0;
    while (level < line.len && line.data[level] == '#') {
        level++;
    }
    if (level == 1) {
        return;
    }
    struct slice text = slice_trim(slice_after(line, level));
    buf_append_string(state->out, level == 2 ? ".SH \"" : ".SS \"");
    for (size_t i = 0; i < text.len; i++) {
        append_character(state->out, (char)text.data[i]);
    }
    buf_append_string(state->out, "\"\n");
}

/* "1. " */
static bool is_numbered(struct slice line)
{
    return line.len > 3 && line.data[0] >= '1' && line.data[0] <= '9' && line.data[1] == '.' && line.data[2] == ' ';
}

static void append_text(struct state *state, struct slice line)
{
    struct buf *out = state->out;
    struct slice text = slice_trim(line);
    if (slice_starts_with(line, SLICE("- "))) {
        buf_append_string(out, ".IP \\(bu 2\n");
        text = slice_after(line, 2);
    } else if (is_numbered(line)) {
        buf_printf(out, ".IP %c. 3\n", line.data[0]);
        text = slice_after(line, 3);
    }
    append_inline(out, text);
    buf_append_byte(out, '\n');
}

static void turn_code(struct state *state)
{
    buf_append_string(state->out, state->in_code ? ".EE\n.RE\n" : ".RS 4\n.EX\n");
    state->in_code = !state->in_code;
}

static void append_line(struct state *state, struct slice line)
{
    bool table = line.len > 1 && line.data[0] == '|';
    state->head_count = table ? state->head_count : 0;
    if (slice_starts_with(line, SLICE("```"))) {
        turn_code(state);
    } else if (state->in_code) {
        append_plain(state->out, line);
        buf_append_byte(state->out, '\n');
    } else if (table) {
        append_table_line(state, line);
    } else if (line.len == 0) {
        buf_append_string(state->out, ".PP\n");
    } else if (line.data[0] == '#') {
        append_heading(state, line);
    } else {
        append_text(state, line);
    }
}

void man_page_write(const struct man_page *page, struct slice markdown, struct buf *out)
{
    struct state state = { .out = out };
    struct slice line;
    buf_printf(out, ".\\\" Written from the tables of the program.\n.TH \"%s\" \"%s\" \"\" \"Sluice %s\" \"Sluice\"\n",
               page->name, page->section, page->version);
    buf_printf(out, ".SH NAME\n%s \\- %s\n", page->name, page->summary);
    while (slice_split(&markdown, '\n', &line)) {
        append_line(&state, line);
    }
    ASSERT(!state.in_code);
}
