/* Turns the options of the UDP listeners into what is wrong with them. */
#include "proto/udp/udp.h"

#include "config/options/stream_options.h"
#include "config/options/udp_options.h"
#include "proto/front/listen.h"
#include "proto/udp/udp_rules.h"

bool udp_listener_is_off(const struct udp_listener_options *options)
{
    return slice_equal_nocase(slice_from_string(options->listen), SLICE("off"));
}

size_t udp_listener_names(const struct udp_options *options, const char **names)
{
    size_t count = 0;
    for (size_t i = 0; i < options->listener_count; i++) {
        if (!udp_listener_is_off(&options->listeners[i])) {
            names[count++] = options->listeners[i].listen;
        }
    }
    return count;
}

static void check_stream(const struct udp_listener_options *options, const struct stream_options *streams, size_t count,
                         struct buf *problems)
{
    for (size_t i = 0; i < count; i++) {
        if (options->stream[0] == '\0' || strcmp(options->stream, streams[i].name) == 0) {
            return;
        }
    }
    buf_printf(problems, "%d: udp.listeners: found stream \"%s\", expected the name of one of the streams\n",
               options->line, options->stream);
}

static void check_alone(const struct udp_options *options, size_t index, struct buf *problems)
{
    const struct udp_listener_options *own = &options->listeners[index];
    for (size_t i = 0; i < index; i++) {
        if (listen_clash(options->listeners[i].listen, own->listen)) {
            buf_printf(problems,
                       "%d: udp.listeners: \"%s\" is listened on by the listener of line %d already (\"%s\")\n",
                       own->line, own->listen, options->listeners[i].line, options->listeners[i].listen);
            return;
        }
    }
}

static void check_rules(const struct udp_options *options, const struct access *access, struct buf *problems)
{
    const struct udp_rules_source source = { .options = options, .access = access };
    size_t before = problems->len;
    struct udp_rules *rules = udp_rules_new(&source, problems);
    if (rules == NULL && problems->len == before) {
        buf_append_string(problems, "udp.listeners: out of memory\n");
    }
    udp_rules_free(rules);
}

bool udp_check(const struct udp_options *options, const struct stream_options *streams, size_t stream_count,
               const struct access *access, struct buf *problems)
{
    size_t before = problems->len;
    for (size_t i = 0; i < options->listener_count; i++) {
        const struct udp_listener_options *listener = &options->listeners[i];
        struct buf problem = { 0 };
        if (!udp_listener_is_off(listener) && !listen_check(listener->listen, &problem)) {
            buf_printf(problems, "%d: udp.listeners: %s\n", listener->line, buf_c_string(&problem));
        }
        buf_release(&problem);
        check_stream(listener, streams, stream_count, problems);
        check_alone(options, i, problems);
    }
    check_rules(options, access, problems);
    return problems->len == before;
}
