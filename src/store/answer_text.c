/* Turns an answer into a line for people, with or without what it quotes. */
#include "store/answer_text.h"

#include "base/bytes.h"
#include "store/answer_names.h"
#include "store/codes.h"
#include "store/store.h"

#include <stdio.h>

/* Ours, or the server's. */
static struct slice name_of_code(const struct store_reply *reply)
{
    const char *known = code_name(reply->code);
    return known[0] != '\0' ? slice_from_string(known) : answer_code_name(reply->message);
}

static void put_name(struct buf *out, const char *what, struct slice name)
{
    if (name.data != NULL) {
        buf_printf(out, ", %s %.*s", what, (int)name.len, name.data);
    }
}

static void copy_out(struct buf *text, char *out, size_t size)
{
    snprintf(out, size, "%s", buf_c_string(text) == NULL ? "out of memory" : text->data);
    buf_release(text);
}

void answer_explain(const struct store_reply *reply, char *out, size_t size)
{
    if (!code_may_quote_rows(reply)) {
        answer_quote(reply, out, size);
        return;
    }
    struct buf text = { 0 };
    if (reply->code != 0) {
        struct slice name = name_of_code(reply);
        buf_printf(&text, "code %d%s%.*s", reply->code, name.len == 0 ? "" : " ", (int)name.len, name.data);
    } else {
        buf_printf(&text, "HTTP %d", reply->http_status);
    }
    put_name(&text, "constraint", answer_constraint(reply->message));
    put_name(&text, "column", answer_column(reply->message));
    put_name(&text, "pushing to view", answer_view(reply->message));
    buf_append_string(
        &text, " (what the server said may quote rows: it is in its log, and in the dead letter if there is one)");
    copy_out(&text, out, size);
}

void answer_quote(const struct store_reply *reply, char *out, size_t size)
{
    struct buf text = { 0 };
    if (reply->code != 0) {
        buf_printf(&text, "code %d %s: %s", reply->code, code_name(reply->code), reply->message);
    } else if (reply->http_status != 0) {
        buf_printf(&text, "HTTP %d: %s", reply->http_status, reply->message);
    } else {
        buf_append_string(&text, reply->message);
    }
    copy_out(&text, out, size);
}
