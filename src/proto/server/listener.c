/* Turns the options of a listener into its routes, and into all that can be said against them. */
#include "proto/server/listener.h"

#include "config/options/http_options.h"
#include "proto/doorway/doorway.h"
#include "proto/front/listen.h"
#include "proto/tls/tls_acceptor.h"

#define SERVES_ALL (SERVES_EVENTS | SERVES_PAGES | SERVES_ADMIN)

static bool init_doorway(struct listener *listener, struct buf *problem)
{
    const struct page *pages = NULL;
    struct route_list list = { 0 };
    listener->doorway = doorway_new(listener->options);
    size_t count = listener->doorway == NULL ? 0 : doorway_pages(listener->doorway, &pages);
    bool made = listener->doorway != NULL && route_list_add_pages(&list, pages, count);
    if (!made) {
        buf_append_string(problem, "out of memory");
    }
    if (made && count != 0) {
        listener->routes.first = &listener->of_doorway;
        made = route_table_init(&listener->of_doorway, &list, SERVES_PAGES, problem);
    }
    route_list_release(&list);
    return made;
}

bool listener_init(struct listener *listener, const struct http_listener_options *options,
                   const struct route_list *routes, const struct transport_ops *transport, struct buf *problem)
{
    *listener = (struct listener){ .options = options, .transport = transport };
    return route_table_init(&listener->routes, routes, options->serves, problem) && init_doorway(listener, problem);
}

void listener_release(struct listener *listener)
{
    route_table_release(&listener->routes);
    route_table_release(&listener->of_doorway);
    doorway_free(listener->doorway);
}

/* Checking. */

static void begin_problem(const struct http_listener_options *listener, struct buf *problems)
{
    if (listener->line != 0) {
        buf_printf(problems, "%d: %s:", listener->line, listener->option);
    }
    buf_append_byte(problems, ' ');
}

static void check_address(const struct http_listener_options *listener, struct buf *problems)
{
    struct buf problem = { 0 };
    if (!listen_check(listener->listen, &problem)) {
        begin_problem(listener, problems);
        buf_append_slice(problems, buf_slice(&problem));
        buf_append_byte(problems, '\n');
    }
    buf_release(&problem);
}

static void check_doorway(const struct http_listener_options *listener, const struct http_options *http,
                          struct buf *problems)
{
    struct buf problem = { 0 };
    if (!doorway_check(listener, http, &problem)) {
        buf_printf(problems, listener->line != 0 ? "%d: " : " ", listener->line);
        buf_printf(problems, "%.*s.", (int)(strrchr(listener->option, '.') - listener->option), listener->option);
        buf_append_slice(problems, buf_slice(&problem));
        buf_append_byte(problems, '\n');
    }
    buf_release(&problem);
}

static void check_alone(const struct http_options *http, size_t index, struct buf *problems)
{
    const struct http_listener_options *own = &http->listeners[index];
    for (size_t i = 0; i < index; i++) {
        const struct http_listener_options *other = &http->listeners[i];
        if (!listen_clash(own->listen, other->listen)) {
            continue;
        }
        begin_problem(own, problems);
        if (own->line == 0) {
            buf_printf(problems, "%s: ", own->option);
        }
        if (strcmp(own->listen, other->listen) == 0) {
            buf_printf(problems, "%s is that of %s already; give another, or leave it %s\n", own->listen, other->option,
                       own->line == 0 ? "empty" : "out");
        } else {
            buf_printf(problems, "%s cannot be listened on beside %s, which is that of %s; give another port\n",
                       own->listen, other->listen, other->option);
        }
        return;
    }
}

/* "http.listen" → "http.tls". */
static void append_tls(const struct http_listener_options *listener, struct buf *out)
{
    const char *dot = strrchr(listener->option, '.');
    buf_printf(out, "%.*s.tls: ", (int)(dot - listener->option), listener->option);
}

static void tell_each(const struct http_listener_options *listener, const struct buf *found, struct buf *out)
{
    struct slice rest = buf_slice(found), line;
    while (slice_split(&rest, '\n', &line)) {
        if (line.len != 0) {
            buf_printf(out, listener->line != 0 ? "%d: " : " ", listener->line);
            append_tls(listener, out);
            buf_printf(out, "%.*s\n", (int)line.len, line.data);
        }
    }
}

/* Either of what forbids to serve it, or of what clients may refuse. */
static void look_at_tls(const struct http_listener_options *listener, struct buf *problems, struct buf *doubts)
{
    struct buf problem = { 0 }, doubt = { 0 };
    if (!tls_check(&listener->tls, &problem, &doubt) && problems != NULL) {
        tell_each(listener, &problem, problems);
    }
    if (doubts != NULL) {
        tell_each(listener, &doubt, doubts);
    }
    buf_release(&problem);
    buf_release(&doubt);
}

void listeners_doubts(const struct http_options *http, struct buf *doubts)
{
    for (size_t i = 0; i < http->listener_count; i++) {
        look_at_tls(&http->listeners[i], NULL, doubts);
    }
}

bool listeners_check(const struct http_options *http, struct buf *problems)
{
    size_t before = problems->len;
    unsigned served = 0;
    for (size_t i = 0; i < http->listener_count; i++) {
        served |= http->listeners[i].serves;
        check_address(&http->listeners[i], problems);
        check_alone(http, i, problems);
        check_doorway(&http->listeners[i], http, problems);
        look_at_tls(&http->listeners[i], problems, NULL);
    }
    if ((served & (SERVES_EVENTS | SERVES_ROUTES)) == 0) {
        buf_append_string(problems, " http.listeners: none serves events, expected one that does: "
                                    "serves: [events, pages, admin]\n");
    }
    return problems->len == before;
}

/* Telling. */

void listener_describe(const struct listener *listener, struct buf *out)
{
    static const char *const names[] = { "events", "pages", "admin", "routes" };
    const char *listen = listener->options->listen;
    int host_length = (int)(strrchr(listen, ':') - listen);
    unsigned serves = listener->options->serves;
    const char *separator = "(";
    buf_printf(out, "%.*s:%d", host_length, listen, listener->port);
    if (doorway_leads_away(listener->options)) {
        buf_append_string(out, "(redirect)");
        return;
    }
    for (size_t i = 0; serves != SERVES_ALL && i < ARRAY_LENGTH(names); i++) {
        if ((serves & (1u << i)) != 0) {
            buf_printf(out, "%s%s", separator, names[i]);
            separator = "+";
        }
    }
    buf_append_string(out, serves == SERVES_ALL ? "" : ")");
}
