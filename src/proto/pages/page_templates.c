/* Turns entries of `pages` into pages. */
#include "proto/pages/page_templates.h"

#include "base/assert.h"
#include "base/clock.h"
#include "config/options/page_options.h"
#include "proto/front/page.h"

#include <stdlib.h>

struct item {
    const struct page_options *options;
    struct template *template;
    struct page_templates *all;
};

struct page_templates {
    struct page_states states;
    struct item *items;
    size_t count;
};

static struct template *compile(const struct page_options *options, struct buf *problem)
{
    bool json = options->json != NULL;
    struct template *template = template_compile(slice_from_string(json ? options->json : options->text),
                                                 json ? TEMPLATE_JSON : TEMPLATE_TEXT, page_states_know, NULL, problem);
    return template;
}

static void tell(const struct page_options *options, size_t index, const char *key, const char *found,
                 struct buf *problems)
{
    buf_printf(problems, "%s:%d: pages[%zu].%s: %s\n", options->file, options->line, index, key, found);
}

static bool check_template(const struct page_options *options, size_t index, struct buf *problems)
{
    struct buf problem = { 0 };
    if ((options->json == NULL) == (options->text == NULL)) {
        tell(options, index, "json",
             options->json == NULL ? "found neither json nor text, expected one of them"
                                   : "found json and text, expected one of them",
             problems);
        return false;
    }
    struct template *template = compile(options, &problem);
    if (template == NULL) {
        tell(options, index, options->json != NULL ? "json" : "text",
             problem.len != 0 && buf_c_string(&problem) != NULL ? problem.data : "out of memory", problems);
    }
    bool fits = template != NULL;
    template_free(template);
    buf_release(&problem);
    return fits;
}

static bool check_headers(const struct page_options *options, size_t index, struct buf *problems)
{
    bool fits = true;
    for (size_t i = 0; i < options->headers.count; i++) {
        if (!page_header_is_free(options->headers.names[i])) {
            buf_printf(problems,
                       "%s:%d: pages[%zu].headers: found \"%s\", expected the name of a header that the gateway "
                       "does not write itself\n",
                       options->file, options->line, index, options->headers.names[i]);
            fits = false;
        }
    }
    return fits;
}

bool page_templates_check(const struct page_options *options, size_t count, struct buf *problems)
{
    bool fits = true;
    for (size_t i = 0; i < count; i++) {
        fits = check_template(&options[i], i, problems) && fits;
        fits = check_headers(&options[i], i, problems) && fits;
    }
    return fits;
}

struct page_templates *page_templates_new(const struct page_options *options, size_t count,
                                          const struct pages_source *source, struct buf *problem)
{
    struct page_templates *templates = calloc(1, sizeof *templates);
    if (templates == NULL) {
        buf_append_string(problem, "pages: out of memory");
        return NULL;
    }
    page_states_init(&templates->states, source, clock_monotonic_ns);
    templates->items = calloc(count + 1, sizeof *templates->items);
    for (size_t i = 0; templates->items != NULL && i < count; i++) {
        struct template *template = compile(&options[i], problem);
        if (template == NULL) {
            break;
        }
        templates->items[templates->count++] = (struct item){ &options[i], template, templates };
    }
    if (templates->items == NULL || templates->count != count) {
        buf_append_string(problem, "pages: a page could not be made");
        page_templates_free(templates);
        return NULL;
    }
    return templates;
}

static enum page_result handle(void *context, const struct page_request *request, struct page_reply *reply,
                               struct page_later later)
{
    const struct item *item = context;
    const struct page_options *options = item->options;
    struct page_states_request asked = { .states = &item->all->states, .client_ip = request->client_ip };
    (void)later;
    enum status_level level = page_states_lock(&item->all->states);
    bool written = template_write(item->template, page_states_value, &asked, &reply->body) && !asked.text.failed;
    page_states_unlock(&item->all->states);
    buf_release(&asked.text);
    if (!written) {
        page_problem(reply, ERROR_OUT_OF_MEMORY, SLICE(""), SLICE(""));
        return PAGE_READY;
    }
    const int64_t statuses[] = { [STATUS_OK] = options->status.ok,
                                 [STATUS_DEGRADED] = options->status.degraded,
                                 [STATUS_DOWN] = options->status.down };
    const char *usual = options->json != NULL ? "application/json" : "text/plain; charset=utf-8";
    ASSERT_BELOW(level, ARRAY_LENGTH(statuses));
    ASSERT(statuses[level] >= 200 && statuses[level] < 600);
    reply->status = (int)statuses[level];
    reply->content_type = options->content_type != NULL ? options->content_type : usual;
    for (size_t i = 0; i < options->headers.count; i++) {
        page_header(reply, options->headers.names[i], slice_from_string(options->headers.values[i]));
    }
    return PAGE_READY;
}

size_t page_templates_count(const struct page_templates *templates)
{
    size_t count = 0;
    for (size_t i = 0; i < templates->count; i++) {
        count += templates->items[i].options->path.count;
    }
    return count;
}

void page_templates_pages(struct page_templates *templates, struct page *pages)
{
    size_t count = 0;
    for (size_t i = 0; i < templates->count; i++) {
        const struct page_options *options = templates->items[i].options;
        for (size_t k = 0; k < options->path.count; k++) {
            pages[count++] = (struct page){
                .path = options->path.items[k],
                .methods = METHOD_BIT(HTTP_GET),
                .needs = options->admin ? PAGE_NEEDS_ADMIN : PAGE_NEEDS_NOTHING,
                .admin = options->admin,
                .context = &templates->items[i],
                .handle = handle,
                .prefix = options->prefix,
                .hosts = options->host.count != 0 ? &options->host : &options->included_hosts,
                .file = options->file,
                .line = options->line,
            };
        }
    }
    ASSERT_EQUAL(count, page_templates_count(templates));
}

void page_templates_free(struct page_templates *templates)
{
    if (templates == NULL) {
        return;
    }
    for (size_t i = 0; i < templates->count; i++) {
        template_free(templates->items[i].template);
    }
    page_states_release(&templates->states);
    free(templates->items);
    free(templates);
}
