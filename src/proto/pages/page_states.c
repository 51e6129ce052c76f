/* Turns the status board and the counters into the values of a page's placeholders. */
#include "proto/pages/page_states.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/metrics/metrics.h"
#include "base/version.h"
#include "pipeline/pipeline.h"
#include "proto/pages/page_counts.h"
#include "proto/pages/pages.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define VIEWS_MAX 256

/* `board` is what the status board calls it, or what its members' names begin with. */
static const struct {
    struct slice name;
    const char *board;
} part_names[PART_COUNT] = {
    [PART_GATEWAY] = { { "gateway", 7 }, "" },
    [PART_STORE] = { { "store", 5 }, "store:" },
    [PART_DEDUP] = { { "dedup", 5 }, "dedup" },
    [PART_JOURNAL] = { { "journal", 7 }, "journal" },
    [PART_DEAD_LETTERS] = { { "dead_letters", 12 }, "dead letters" },
    [PART_STREAMS] = { { "streams", 7 }, "stream:" },
};

void page_states_init(struct page_states *states, const struct pages_source *source, int64_t (*clock)(void))
{
    *states = (struct page_states){ .source = source, .clock = clock };
    pthread_mutex_init(&states->mutex, NULL);
    if (gethostname(states->hostname, sizeof states->hostname - 1) != 0) {
        states->hostname[0] = '\0';
    }
}

void page_states_release(struct page_states *states)
{
    buf_release(&states->counters);
    pthread_mutex_destroy(&states->mutex);
}

static void note(struct page_part_state *part, const struct status_view *view)
{
    part->worst = view->level > part->worst ? view->level : part->worst;
    part->any_ok = part->any_ok || view->level == STATUS_OK;
    if (view->level != STATUS_OK && part->reason[0] == '\0') {
        snprintf(part->reason, sizeof part->reason, "%s", view->reason);
    }
}

static void read_parts(struct page_states *states)
{
    struct status_view *views = calloc(VIEWS_MAX, sizeof *views);
    size_t count = views == NULL ? 0 : status_read(states->source->board, views, VIEWS_MAX);
    count = count < VIEWS_MAX ? count : VIEWS_MAX;
    for (size_t part = 0; part < PART_COUNT; part++) {
        states->parts[part] = (struct page_part_state){ .worst = STATUS_OK };
        for (size_t i = 0; i < count; i++) {
            if (strncmp(views[i].name, part_names[part].board, strlen(part_names[part].board)) == 0) {
                note(&states->parts[part], &views[i]);
            }
        }
    }
    free(views);
    enum error refusal = pipeline_admits(states->source->pipeline);
    if (refusal != OK) {
        struct page_part_state *whole = &states->parts[PART_GATEWAY];
        whole->worst = STATUS_DOWN;
        snprintf(whole->reason, sizeof whole->reason, "%s", error_info(refusal)->text);
    }
}

static void read_counters(struct page_states *states)
{
    struct metrics *metrics = states->source->metrics;
    states->connections = metric_read(metrics, METRIC_CONNECTIONS, 0, 0, OK);
    buf_clear(&states->counters);
    page_counts_all(metrics, states->source->streams, states->source->stream_count, &states->counters);
}

enum status_level page_states_lock(struct page_states *states)
{
    pthread_mutex_lock(&states->mutex);
    int64_t now_ns = states->clock();
    if (!states->read || now_ns - states->read_ns >= PAGE_STATES_OLDEST_NS) {
        read_parts(states);
        read_counters(states);
        states->read = true;
        states->read_ns = now_ns;
    }
    return states->parts[PART_GATEWAY].worst;
}

void page_states_unlock(struct page_states *states)
{
    pthread_mutex_unlock(&states->mutex);
}

/* What follows a part's name: its words behind ':', or ".reason". */
static bool find_part(struct slice name, enum page_part *part, struct slice *rest)
{
    for (size_t i = 0; i < PART_COUNT; i++) {
        struct slice known = part_names[i].name;
        if (slice_starts_with(name, known) &&
            (name.len == known.len || name.data[known.len] == ':' || name.data[known.len] == '.')) {
            *part = (enum page_part)i;
            *rest = slice_after(name, known.len);
            return true;
        }
    }
    return false;
}

static bool is_reason(struct slice rest)
{
    return slice_equal(rest, SLICE(".reason"));
}

/* Two words or three behind the colon, or none of them: ok, degraded, down. */
static size_t split_words(struct slice rest, struct slice words[3])
{
    size_t count = 0;
    struct slice word;
    if (rest.len == 0) {
        words[0] = SLICE("ok"), words[1] = SLICE("degraded"), words[2] = SLICE("down");
        return 3;
    }
    if (rest.data[0] != ':') {
        return 0;
    }
    rest = slice_after(rest, 1);
    while (slice_split(&rest, '|', &word)) {
        if (count == 3 || word.len == 0) {
            return 0;
        }
        words[count++] = word;
    }
    return count == 1 ? 0 : count;
}

/* Of two words the first says that it does its work: a gateway that accepts events, a store of which a server answers. */
static struct slice word_of(enum page_part part, const struct page_part_state *state, const struct slice *words,
                            size_t count)
{
    ASSERT_BELOW(state->worst, 3);
    if (count == 3) {
        return words[state->worst];
    }
    bool works = part == PART_GATEWAY ? state->worst != STATUS_DOWN
                 : part == PART_STORE ? state->worst == STATUS_OK || state->any_ok
                                      : state->worst == STATUS_OK;
    return words[works ? 0 : 1];
}

static bool part_value(struct page_states *states, enum page_part part, struct slice rest, struct template_text *text)
{
    const struct page_part_state *state = &states->parts[part];
    struct slice words[3];
    if (is_reason(rest)) {
        text->bytes = slice_from_string(state->reason);
        return state->reason[0] != '\0';
    }
    size_t count = split_words(rest, words);
    ASSERT(count == 2 || count == 3); /* page_states_know */
    text->bytes = word_of(part, state, words, count);
    return true;
}

static void put_time(struct page_states_request *request, int64_t wall_ns)
{
    char text[32];
    struct tm utc;
    time_t seconds = (time_t)(wall_ns / NS_PER_SECOND);
    gmtime_r(&seconds, &utc);
    buf_append(&request->text, text, strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc));
}

static void put_now(struct page_states_request *request)
{
    put_time(request, clock_wall_ns());
}

static void put_now_unix(struct page_states_request *request)
{
    buf_printf(&request->text, "%lld", (long long)(clock_wall_ns() / NS_PER_SECOND));
}

static void put_started(struct page_states_request *request)
{
    put_time(request, request->states->source->started_wall_ns);
}

static void put_uptime_ns(struct page_states_request *request)
{
    buf_printf(&request->text, "%lld", (long long)(clock_wall_ns() - request->states->source->started_wall_ns));
}

static void put_uptime_seconds(struct page_states_request *request)
{
    int64_t uptime_ns = clock_wall_ns() - request->states->source->started_wall_ns;
    buf_printf(&request->text, "%lld", (long long)(uptime_ns / NS_PER_SECOND));
}

static void put_connections(struct page_states_request *request)
{
    buf_printf(&request->text, "%lld", (long long)request->states->connections);
}

static void put_counters(struct page_states_request *request)
{
    buf_append_slice(&request->text, buf_slice(&request->states->counters));
}

static void put_version(struct page_states_request *request)
{
    buf_append_string(&request->text, request->states->source->version);
}

static void put_commit(struct page_states_request *request)
{
    buf_append_string(&request->text, version_commit());
}

static void put_build_date(struct page_states_request *request)
{
    buf_append_string(&request->text, version_date());
}

static void put_hostname(struct page_states_request *request)
{
    buf_append_string(&request->text, request->states->hostname);
}

static void put_client_ip(struct page_states_request *request)
{
    buf_append_slice(&request->text, request->client_ip);
}

static const struct {
    const char *name;
    void (*put)(struct page_states_request *request);
    bool is_json;
} values[] = {
    { "now", put_now, false },
    { "now_unix", put_now_unix, true },
    { "started", put_started, false },
    { "uptime_ns", put_uptime_ns, true },
    { "uptime_seconds", put_uptime_seconds, true },
    { "connections", put_connections, true },
    { "counters", put_counters, true },
    { "version", put_version, false },
    { "commit", put_commit, false },
    { "build_date", put_build_date, false },
    { "hostname", put_hostname, false },
    { "client_ip", put_client_ip, false },
};

bool page_states_know(const void *context, struct slice name)
{
    enum page_part part;
    struct slice rest, words[3];
    (void)context;
    for (size_t i = 0; i < ARRAY_LENGTH(values); i++) {
        if (slice_equal(name, slice_from_string(values[i].name))) {
            return true;
        }
    }
    return find_part(name, &part, &rest) && (is_reason(rest) || split_words(rest, words) != 0);
}

bool page_states_value(void *context, struct slice name, struct template_text *text)
{
    struct page_states_request *request = context;
    enum page_part part;
    struct slice rest;
    for (size_t i = 0; i < ARRAY_LENGTH(values); i++) {
        if (slice_equal(name, slice_from_string(values[i].name))) {
            buf_clear(&request->text);
            values[i].put(request);
            *text = (struct template_text){ buf_slice(&request->text), values[i].is_json };
            return request->text.len != 0;
        }
    }
    *text = (struct template_text){ .is_json = false };
    return find_part(name, &part, &rest) && part_value(request->states, part, rest, text);
}
