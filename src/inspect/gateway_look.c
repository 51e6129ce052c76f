/* Turns the pages of a gateway into what is known of it. */
#include "inspect/gateway_look.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/plain_text.h"
#include "pipeline/json/json.h"
#include "remote/remote.h"

#include <stdio.h>
#include <stdlib.h>

#define DETAIL_MAX 320

bool gateway_look_init(struct gateway_look *look)
{
    *look = (struct gateway_look){ .parser = json_parser_new(), .reply = calloc(1, sizeof *look->reply) };
    return look->parser != NULL && look->reply != NULL;
}

void gateway_look_release(struct gateway_look *look)
{
    gateway_numbers_release(&look->before);
    gateway_numbers_release(&look->now);
    gateway_health_release(&look->health);
    if (look->reply != NULL) {
        remote_reply_release(look->reply);
        free(look->reply);
    }
    json_parser_free(look->parser);
    *look = (struct gateway_look){ 0 };
}

void gateway_look_explain(const struct remote *remote, const struct remote_reply *reply, char *out, size_t size)
{
    char detail[DETAIL_MAX];
    if (reply->fate != REMOTE_ANSWERED) {
        snprintf(out, size, "%s does not answer: %s", remote->url, reply->failure);
        return;
    }
    plain_text_copy(slice_trim(buf_slice(&reply->body)), detail, sizeof detail);
    const char *cure = reply->status == 401 ? "show a key with the scope admin (--key-file, or SLUICE_KEY): " : "";
    snprintf(out, size, "%s answered %ld: %s%s", remote->url, reply->status, cure, detail);
}

static enum look_fate fail(struct gateway_look *look, const struct remote *remote, enum look_fate fate)
{
    look->fate = fate;
    gateway_look_explain(remote, look->reply, look->problem, sizeof look->problem);
    ASSERT(look->problem[0] != '\0');
    return fate;
}

static enum look_fate fail_of_page(struct gateway_look *look, const struct remote *remote, const char *path)
{
    look->fate = LOOK_REFUSED;
    snprintf(look->problem, sizeof look->problem, "what %s answers at %s is no page of a gateway's", remote->url, path);
    return LOOK_REFUSED;
}

static bool read_numbers(struct gateway_look *look)
{
    struct gateway_numbers numbers = { 0 };
    if (!gateway_numbers_read(&numbers, buf_slice(&look->reply->body), clock_monotonic_ns())) {
        gateway_numbers_release(&numbers);
        return false;
    }
    gateway_numbers_release(&look->before);
    look->before = look->now;
    look->now = numbers;
    return true;
}

enum look_fate gateway_look_again(struct gateway_look *look, const struct remote *remote, int64_t timeout_ns,
                                  bool (*is_given_up)(void *context), void *context)
{
    struct remote_request request = {
        .path = "/health", .timeout_ns = timeout_ns, .is_given_up = is_given_up, .context = context
    };
    remote_get(remote, &request, look->reply);
    if (look->reply->fate != REMOTE_ANSWERED) {
        return fail(look, remote, LOOK_NOT_UP);
    }
    if (look->reply->status != 200 && look->reply->status != 503) {
        return fail(look, remote, LOOK_REFUSED);
    }
    if (!gateway_health_read(&look->health, look->parser, &look->reply->body)) {
        return fail_of_page(look, remote, request.path);
    }
    request.path = "/metrics";
    remote_get(remote, &request, look->reply);
    if (look->reply->fate != REMOTE_ANSWERED || look->reply->status != 200) {
        return fail(look, remote, look->reply->fate != REMOTE_ANSWERED ? LOOK_NOT_UP : LOOK_REFUSED);
    }
    if (!read_numbers(look)) {
        return fail_of_page(look, remote, request.path);
    }
    look->problem[0] = '\0';
    return look->fate = LOOK_SEEN;
}
