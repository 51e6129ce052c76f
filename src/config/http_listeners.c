/* Turns the short forms of HTTP's listeners into entries of their list. */
#include "config/http_listeners.h"

#include "config/option_problem.h"
#include "config/options/http_options.h"
#include "config/yaml/memory.h"

#include <stdio.h>

#define DEFAULT_LISTEN "0.0.0.0:8080"
#define SHORT_FORMS 2

static const char *name_of_entry(struct config_memory *memory, size_t index)
{
    char name[48];
    int length = snprintf(name, sizeof name, "http.listeners[%zu].listen", index);
    return memory_copy(memory, slice_make(name, (size_t)length));
}

static void add_listed(struct option_reader *reader, struct http_listener_options *listeners, size_t *count,
                       const struct http_options *http, unsigned usual)
{
    for (size_t i = 0; i < http->listener_count; i++) {
        struct http_listener_options *listener = &listeners[(*count)++];
        *listener = http->listeners[i];
        listener->option = name_of_entry(reader->memory, i);
        listener->serves = listener->serves != 0 ? listener->serves : usual;
    }
}

void settle_listeners(struct option_reader *reader, struct http_options *http, const struct admin_options *admin)
{
    unsigned usual = SERVES_EVENTS | SERVES_PAGES | (admin->listen[0] == '\0' ? SERVES_ADMIN : 0);
    size_t count = 0;
    struct http_listener_options *listeners =
        memory_take(reader->memory, http->listener_count + SHORT_FORMS, sizeof *listeners);
    if (listeners == NULL) {
        return; /* reported with all else that memory was short for */
    }
    if (http->listen == NULL && http->listener_count == 0) {
        http->listen = DEFAULT_LISTEN;
    }
    if (http->listen == NULL && (http->tls.certificate != NULL || http->tls.certificate_count != 0)) {
        option_problem(reader, http->listeners[0].line, "http.tls",
                       "found tls of http.listen, which is not given; expected it at the entry of http.listeners");
    }
    if (http->listen != NULL) {
        listeners[count++] = (struct http_listener_options){
            .listen = http->listen, .serves = usual, .option = "http.listen", .tls = http->tls
        };
    }
    if (admin->listen[0] != '\0') {
        listeners[count++] =
            (struct http_listener_options){ .listen = admin->listen, .serves = SERVES_ADMIN, .option = "admin.listen" };
    }
    add_listed(reader, listeners, &count, http, usual);
    if (count > HTTP_LISTENERS_MAX) {
        option_problem(reader, http->listeners[0].line, "http.listeners",
                       "found %zu addresses, those of http.listen and admin.listen among them, expected at most %d",
                       count, HTTP_LISTENERS_MAX);
    }
    http->listeners = listeners;
    http->listener_count = count;
}
