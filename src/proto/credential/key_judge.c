/* Turns the head of a request and the scope of its route into who comes, or into why not. */
#include "proto/credential/key_judge.h"

#include "base/assert.h"
#include "config/options/http_options.h"
#include "proto/access/access.h"
#include "proto/credential/credential.h"
#include "proto/http_syntax/http_parse.h"
#include "proto/route/route.h"

static bool is_of_events(const struct route *route)
{
    return route->kind == ROUTE_EVENTS || route->kind == ROUTE_WEBSOCKET;
}

/* Is it asked who somebody is, though everybody may come? A page of operators may tell them more. */
static bool tells_more(const struct route *route)
{
    return is_of_events(route) || (route->kind == ROUTE_PAGE && route_side(route) == SERVES_ADMIN);
}

static enum error identify(const struct key_question *question, struct http_request *request,
                           const struct event_route *events, const struct access_key **key, struct slice *detail)
{
    struct credential credential = { .origin = request->origin, .subject = question->subject };
    bool takes = events != NULL && !events->own_key;
    enum error error = credential_of(request, takes, question->texts, question->query, &credential.key, detail);
    return error != OK ? error
                       : access_identify_again(question->access, question->memo, &credential, question->wall_ns, key);
}

/* Somebody who shows no key, as far as it can be seen what was meant. */
static const char *missing(const struct http_request *request, struct slice subject, const struct route *route,
                           const char *usual)
{
    if (request->authorization.len != 0) {
        return "Authorization shows no key: it must read \"Bearer KEY\", or Basic with the key as the user";
    }
    if (subject.len != 0) {
        return "no key has the `subject` of the certificate that was shown, and no other key was";
    }
    return route->kind == ROUTE_WEBSOCKET ? "a key is needed: offer the subprotocols sluice.v1 and key.KEY, or send "
                                            "Authorization: Bearer KEY, X-API-Key, or ?key="
                                          : usual;
}

/* What is missing, and of pages how it is given: no key is taken from their queries. */
static struct slice lacking(const struct http_request *request, struct slice subject, const struct route *route,
                            enum error error)
{
    static const struct {
        unsigned scope;
        const char *none, *other;
    } texts[] = {
        { ACCESS_WRITE, "", "to send events takes a key with the scope write, which this one lacks" },
        { ACCESS_READ, "this page takes a key with the scope read, as Authorization: Bearer KEY or X-API-Key",
          "this page takes a key with the scope read, which this one lacks" },
        { ACCESS_ADMIN, "this page takes a key with the scope admin, as Authorization: Bearer KEY or X-API-Key",
          "this page takes a key with the scope admin, which this one lacks" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        if (texts[i].scope == route->scope) {
            bool none = error == ERROR_KEY_MISSING;
            return slice_from_string(none ? missing(request, subject, route, texts[i].none) : texts[i].other);
        }
    }
    return SLICE("");
}

static inline bool remembers(const struct access *access, const struct access_memo *memo,
                             const struct http_request *request, int64_t wall_ns, const struct access_key **key)
{
    struct slice text;
    return credential_is_bearer(request, &text) && access_remembers(access, memo, text, &request->origin, wall_ns, key);
}

bool key_judge_again(const struct access *access, const struct access_memo *memo, const struct http_request *request,
                     const struct route *route, int64_t wall_ns, const struct access_key **key, enum error *admin)
{
    ASSERT(route != NULL);
    bool again = memo->place == route && remembers(access, memo, request, wall_ns, key);
    *admin = again ? memo->admin : ERROR_KEY_MISSING;
    return again;
}

void key_judge_keep(const struct key_question *question, const struct http_request *request, const struct route *route,
                    enum error admin)
{
    const struct access_key *key;
    if (remembers(question->access, question->memo, request, question->wall_ns, &key)) {
        question->memo->place = route;
        question->memo->admin = admin;
    }
}

enum error key_judge(const struct key_question *question, struct http_request *request, const struct route *route,
                     const struct access_key **key, enum error *admin, const struct event_route **takes_events,
                     struct slice *detail)
{
    ASSERT(question->access != NULL && route != NULL);
    *takes_events = is_of_events(route) ? route->events : NULL;
    *key = NULL;
    *admin = ERROR_KEY_MISSING;
    if (route->scope == 0 && !tells_more(route)) {
        return OK;
    }
    enum error error = identify(question, request, *takes_events, key, detail);
    *admin = error != OK ? error : access_allows(question->access, *key, ACCESS_ADMIN, NULL);
    if (route->scope == 0) {
        return OK; /* a key that is none is nobody's */
    }
    if (error == OK) {
        error = access_allows(question->access, *key, (enum access_scope)route->scope, NULL);
        *detail = error == OK ? *detail : lacking(request, question->subject, route, error);
    } else if (error == ERROR_KEY_ORIGIN && request->origin.len == 0) {
        *detail = SLICE("the key is for the web pages of its origins alone, and the request has no Origin");
    }
    return error;
}
