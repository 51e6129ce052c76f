/* The writer's own code against a model: random sequences of faults of the store, of the disk and of the process, over
 * random batches, some with rows that the table refuses. Whatever happens, once the faults stop each good row is in the
 * table once, each bad one in the dead letters once, and nothing waits.
 *
 * One thread takes the jobs and does them, on a clock of its own, so that a seed gives the same sequence again:
 * SLUICE_MODEL_SEED=<seed> runs that one, with a log; SLUICE_MODEL_ROUNDS=<n> as many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "config/options/options.h"
#include "store/delivery/writer_private.h"
#include "unit/writer_bench.h"

#define ROUNDS 400
#define FILES_MAX 4096
#define IDS_MAX 4096
#define JOBS_AT_ONCE 2
#define JOBS_OF_THE_END 3000

/* --- time: goes on a little with each look at it, and to the next job that is due --- */

/* Far ahead of the real one: threads that wait for it wait until they are woken. */
#define BEGINNING_NS (INT64_C(1000000000) * NS_PER_SECOND)

static int64_t model_now_ns;

int64_t clock_monotonic_ns(void)
{
    return __atomic_add_fetch(&model_now_ns, NS_PER_US, __ATOMIC_RELAXED);
}

int64_t clock_wall_ns(void)
{
    return INT64_C(700000000) * NS_PER_SECOND + clock_monotonic_ns();
}

/* --- the model --- */

/* A segment on disk. */
struct file {
    int name;
    size_t stream;
    struct buf wire;
    bool buried;
    bool gone;
};

struct model {
    struct bench *bench;
    uint64_t seed, random;
    struct file files[FILES_MAX];
    size_t file_count;
    bool is_bad[IDS_MAX];
    uint8_t letters[IDS_MAX];
    bool mends;         /* what refuses rows is the state of the server, and goes with the faults */
    bool faulty;        /* faults still happen */
    bool lost_server;   /* a server lost rows, or died: no view is exact then */
    int calls_to_crash; /* of this process; 0: it goes on */
    bool crashed;       /* nothing that it does has an effect */
    struct fault fault;
    uint64_t counted_stored, counted_buried;
};

static struct model model;
static bool tells; /* one round is told step by step */

#define TELL(...) (void)(tells && fprintf(stderr, __VA_ARGS__))

static uint64_t draw(uint64_t below)
{
    model.random ^= model.random << 13;
    model.random ^= model.random >> 7;
    model.random ^= model.random << 17;
    return (model.random >> 11) % below;
}

static bool one_in(uint64_t n)
{
    return draw(n) == 0;
}

static bool fault_is_due(uint64_t n)
{
    return model.faulty && one_in(n);
}

/* Of a call of the process to the world: does it die now? It has its effect then, or none. */
enum ending { LIVES, DIES_BEFORE, DIES_BEHIND };

static enum ending fate_of_call(void)
{
    if (model.crashed) {
        return DIES_BEFORE;
    }
    if (model.calls_to_crash == 0 || --model.calls_to_crash != 0) {
        return LIVES;
    }
    model.crashed = true;
    return one_in(2) ? DIES_BEFORE : DIES_BEHIND;
}

/* --- the store --- */

static struct file *file_of(const struct segment *segment)
{
    int name = atoi(segment->name + strlen(segment->name) - 12);
    for (size_t i = 0; i < model.file_count; i++) {
        if (model.files[i].name == name) {
            return &model.files[i];
        }
    }
    fail_msg("seed %llu: no file %s", (unsigned long long)model.seed, segment->name);
    return NULL;
}

static uint64_t id_number(const char *wire)
{
    struct event_id id; /* the same swap goes both ways */
    uint64_t number;
    memcpy(&id, wire, sizeof id);
    uint8_t bytes[16];
    event_id_to_wire(&id, bytes);
    memcpy(&number, bytes + 8, sizeof number);
    return number;
}

#define LOST_REPLIES 3 /* of the faults, the first */

static const struct fault faults[] = {
    { .outcome = STORE_UNKNOWN, .stores = true, .message = "lost behind" },
    { .outcome = STORE_UNKNOWN, .message = "lost before" },
    { .outcome = STORE_UNKNOWN, .runs_on = true, .message = "time-out" },
    { .outcome = STORE_ANSWERED, .http_status = 504, .stores = true, .message = "gateway time-out" },
    { .outcome = STORE_ANSWERED, .http_status = 504, .runs_on = true, .message = "gateway time-out" },
    { .outcome = STORE_ANSWERED, .http_status = 502, .message = "bad gateway" },
    { .outcome = STORE_ANSWERED, .code = 319, .stores = true, .message = "unknown status of insert" },
    { .outcome = STORE_ANSWERED, .code = 241, .message = "(total) memory limit exceeded" },
    { .outcome = STORE_ANSWERED, .code = 252, .message = "Too many parts (300)" },
    { .outcome = STORE_ANSWERED, .code = 202, .message = "Too many simultaneous queries" },
    { .outcome = STORE_ANSWERED, .code = 60, .message = "Table does not exist" },
    { .outcome = STORE_UNREACHABLE, .message = "connection refused" },
    { .outcome = STORE_UNREACHABLE, .dies = true, .message = "connection refused" },
    { .outcome = STORE_UNKNOWN, .stores = true, .restarts = true, .message = "killed behind" },
    { .outcome = STORE_UNKNOWN, .restarts = true, .message = "killed before" },
    { .outcome = STORE_UNKNOWN, .dies = true, .message = "killed" },
    /* of tables that are not replicated, with tokens */
    { .outcome = STORE_UNKNOWN, .keeps_token = true, .restarts = true, .message = "killed between token and part" },
    { .outcome = STORE_DONE, .keeps_token = true, .restarts = true, .message = "" }, /* a proxy sent it again */
};

static const struct store_reply sizes[] = {
    { .outcome = STORE_ANSWERED, .http_status = 413, .message = "Request Entity Too Large" },
    { .outcome = STORE_ANSWERED, .code = 241, .message = "Query memory limit exceeded" },
    { .outcome = STORE_ANSWERED, .code = 241, .message = "(total) memory limit exceeded" },
    { .outcome = STORE_ANSWERED, .code = 396, .message = "Limit for rows or bytes" },
    { .outcome = STORE_UNKNOWN, .message = "time-out" },
};

static void choose_fault(struct fake_store *fake)
{
    bool token_lies = fake->tokens && !fake->shared;
    fake->fault_at = 0;
    fake->fault_count = fault_is_due(2) ? 1 : 0;
    model.fault = faults[one_in(3) ? draw(LOST_REPLIES) : draw(ARRAY_LENGTH(faults) - (token_lies ? 0 : 2))];
    fake->faults = &model.fault;
    model.lost_server |= fake->fault_count != 0 && (model.fault.restarts || model.fault.dies);
}

static void tell_insert(size_t server, const struct store_insert *insert, const struct store_reply *reply)
{
    TELL("INSERT: server=%zu token=%s outcome=%d code=%d status=%d %s; rows", server, insert->token,
         (int)reply->outcome, reply->code, reply->http_status, reply->message);
    for (const struct segment *segment = insert->segment; segment != NULL; segment = segment->next) {
        struct file *file = file_of(segment);
        for (size_t i = 0; i < file->wire.len; i += 16) {
            TELL(" %llu", (unsigned long long)id_number(file->wire.data + i));
        }
    }
    TELL("\n");
}

static void model_insert(struct store_session *session, size_t server, const struct store_insert *insert,
                         struct store_reply *reply)
{
    struct fake_store *fake = &model.bench->fake;
    enum ending fate = fate_of_call();
    if (fate != DIES_BEFORE) {
        choose_fault(fake);
        model.bench->writer->stopping |= fault_is_due(40); /* SIGTERM */
        fake->lags = fault_is_due(2);
        fake_insert(session, server, insert, reply);
        if (tells) {
            tell_insert(server, insert, reply);
        }
    }
    if (fate != LIVES) {
        fake_reply(reply, STORE_UNKNOWN, 0, "crashed");
    }
}

static bool question_fails(struct store_reply *reply)
{
    static const enum store_outcome outcomes[] = { STORE_UNREACHABLE, STORE_UNKNOWN, STORE_ANSWERED };
    if (fate_of_call() != LIVES) {
        fake_reply(reply, STORE_UNKNOWN, 0, "crashed");
        return true;
    }
    if (fault_is_due(20)) {
        fake_reply(reply, outcomes[draw(3)], 202, "Too many simultaneous queries");
        return true;
    }
    return false;
}

static void model_query(struct store_session *session, size_t server, const struct store_query *query, struct buf *out,
                        struct store_reply *reply)
{
    if (!question_fails(reply)) {
        fake_query(session, server, query, out, reply);
    }
}

static void model_probe(struct store_session *session, size_t server, struct store_features *features,
                        struct store_reply *reply)
{
    if (!question_fails(reply)) {
        fake_probe(session, server, features, reply);
    }
}

/* --- the owner --- */

static struct segment *add_file(size_t stream, struct slice wire)
{
    assert_true(model.file_count < FILES_MAX);
    struct file *file = &model.files[model.file_count++];
    struct segment *segment = make_segment(model.bench, stream, wire);
    *file = (struct file){ .name = model.bench->segments - 1, .stream = stream };
    buf_append_slice(&file->wire, wire);
    return segment;
}

static enum error model_stored(void *context, struct segment *segment)
{
    (void)context;
    enum ending fate = fate_of_call();
    if (fate == DIES_BEFORE || fault_is_due(20)) {
        return ERROR_JOURNAL_FAILED;
    }
    file_of(segment)->gone = true;
    model.counted_stored += segment->rows;
    if (fate == DIES_BEHIND) {
        return ERROR_JOURNAL_FAILED;
    }
    segment_free(segment);
    return OK;
}

static enum error model_split(void *context, struct segment *whole, uint64_t at, struct segment **first,
                              struct segment **second)
{
    (void)context;
    enum ending fate = fate_of_call();
    struct file *file = file_of(whole);
    assert_false(file->gone);
    if (fate == DIES_BEFORE || fault_is_due(20)) {
        return ERROR_JOURNAL_FAILED;
    }
    file->gone = true;
    *first = add_file(file->stream, slice_make(file->wire.data, at * 16));
    *second = add_file(file->stream, slice_after(buf_slice(&file->wire), at * 16));
    if (fate == DIES_BEHIND) {
        segment_free(*first);
        segment_free(*second);
        return ERROR_JOURNAL_FAILED;
    }
    segment_free(whole);
    return OK;
}

static enum error model_bury(void *context, struct segment *segment, int code, const char *reason)
{
    (void)context, (void)code;
    enum ending fate = fate_of_call();
    struct file *file = file_of(segment);
    if (fate == DIES_BEFORE || fault_is_due(10)) {
        return one_in(2) ? ERROR_JOURNAL_FULL : ERROR_JOURNAL_FAILED;
    }
    for (size_t i = 0; !file->buried && i < file->wire.len; i += 16) {
        model.letters[id_number(file->wire.data + i)]++;
        TELL("buried: row=%llu %s\n", (unsigned long long)id_number(file->wire.data + i), reason);
    }
    file->buried = true;
    if (fate == DIES_BEHIND || fault_is_due(10)) {
        return ERROR_JOURNAL_FAILED; /* between the dead letter and the end of the segment's file */
    }
    file->gone = true;
    model.counted_buried += segment->rows;
    segment_free(segment);
    return OK;
}

/* --- the process --- */

/* Its threads find no server, and end before there is one: this one does their work. */
static void start_process(void)
{
    struct buf problem = { 0 };
    struct bench *bench = model.bench;
    struct writer_config config = {
        .options = &bench->options,
        .store_options = &store_options,
        .store = &bench->fake.store,
        .streams = (const struct stream *const *)bench->streams,
        .stream_count = STREAMS,
        .metrics = bench->metrics,
        .board = bench->board,
        .owner = { &model, model_stored, model_split, model_bury, NULL },
    };
    struct fake_server *servers = bench->fake.servers;
    bool faulty = model.faulty, down[FAKE_SERVERS] = { servers[0].down, servers[1].down };
    int64_t now_ns = model_now_ns;
    model.faulty = model.crashed = false;
    servers[0].down = servers[1].down = true;
    model.calls_to_crash = 0;
    bench->writer = writer_start(&config, &problem);
    assert_non_null(bench->writer);
    writer_halt(bench->writer, INT64_MAX);
    struct writer *writer = bench->writer;
    writer->stopping = false;
    atomic_store(&bench->fake.store.hurried, false);
    for (size_t i = 0; i < writer->worker_count; i++) {
        writer->workers[i].session = fake_session_new(&bench->fake.store);
        writer->workers[i].random = model.seed + i + 1;
    }
    servers[0].down = down[0];
    servers[1].down = down[1];
    model_now_ns = now_ns + NS_PER_SECOND;
    model.faulty = faulty;
}

static void end_process(void)
{
    struct writer *writer = model.bench->writer;
    for (size_t i = 0; i < writer->worker_count; i++) {
        fake_session_free(writer->workers[i].session);
        buf_release(&writer->workers[i].bytes);
    }
    writer_stop(writer);
    model.bench->writer = NULL;
}

static void restart_process(void)
{
    TELL("restart: crashed=%d\n", (int)model.crashed);
    end_process();
    start_process();
    for (size_t i = 0; i < model.file_count; i++) {
        struct file *file = &model.files[i];
        if (!file->gone) {
            struct segment *segment = make_named_segment(model.bench, file->stream, file->name, buf_slice(&file->wire));
            segment->recovered = true;
            writer_submit(model.bench->writer, segment);
        }
    }
}

static void do_job(size_t worker_index, const struct job *job)
{
    struct worker *worker = &model.bench->writer->workers[worker_index];
    struct store_reply reply;
    struct store_features features;
    struct buf problem = { 0 };
    enum table_verdict verdict;
    switch (job->kind) {
    case JOB_PROBE: attempt_probe(worker, job->server, &features, &reply); break;
    case JOB_CHECK: attempt_check(worker, job, TABLE_CREATE, &problem, &verdict); break;
    case JOB_DELIVER: attempt_deliver(worker, job); break;
    case JOB_NONE: break;
    }
    buf_release(&problem);
}

/* Takes up to so many jobs before it does the first, as threads would. False if none is due. */
static bool do_jobs(void)
{
    struct writer *writer = model.bench->writer;
    struct job jobs[JOBS_AT_ONCE];
    size_t taken = 0, wanted = 1 + draw(JOBS_AT_ONCE);
    int64_t wake_ns = INT64_MAX;
    wakeup_lock(&writer->wakeup);
    for (; taken < wanted; taken++) {
        wake_ns = queue_take(writer, clock_monotonic_ns(), &jobs[taken]);
        if (jobs[taken].kind == JOB_NONE) {
            break;
        }
    }
    wakeup_unlock(&writer->wakeup);
    if (taken == 0 && wake_ns != INT64_MAX) {
        model_now_ns = wake_ns > model_now_ns ? wake_ns : model_now_ns;
    }
    bool backwards = one_in(2);
    for (size_t i = 0; i < taken; i++) {
        size_t at = backwards ? taken - 1 - i : i;
        do_job(at, &jobs[at]);
    }
    return taken != 0 || wake_ns != INT64_MAX;
}

static void submit(size_t stream, size_t rows, bool with_bad)
{
    struct buf wire = { 0 };
    struct bench *bench = model.bench;
    for (size_t i = 0; i < rows && bench->next_id < IDS_MAX; i++) {
        bool bad = with_bad && one_in(rows);
        model.is_bad[bench->next_id] = bad;
        append_id(&wire, bench->next_id++, bad);
    }
    if (wire.len != 0) {
        writer_submit(bench->writer, add_file(stream, buf_slice(&wire)));
    }
    buf_release(&wire);
}

static void do_something(void)
{
    struct fake_store *fake = &model.bench->fake;
    struct fake_server *server = &fake->servers[draw(fake->store.server_count)];
    switch (draw(24)) {
    case 0: server->down = false; break;
    case 1: /* it starts anew */
        model.lost_server |= fake->late.is;
        fake_stop_work(fake, (size_t)(server - fake->servers));
        server->up_since_ns = clock_monotonic_ns();
        break;
    case 2: model.calls_to_crash = 1 + (int)draw(12); break;
    case 3: restart_process(); break;
    case 4:
    case 5:
    case 6:
        for (uint64_t i = 1 + draw(6); i != 0; i--) {
            submit(one_in(8) ? 1 : 0, 1 + draw(one_in(3) ? 3 : 24), one_in(2));
        }
        break;
    default: do_jobs(); break;
    }
    if (model.crashed || model.bench->writer->stopping) {
        restart_process();
    }
}

static bool is_empty(const struct writer *writer)
{
    return writer->lanes[0].count + writer->lanes[1].count + writer->lanes[2].count == 0;
}

static void complain(const char *what, uint64_t row)
{
    const struct writer *writer = model.bench->writer;
    fail_msg("SLUICE_MODEL_SEED=%llu: %s, row %llu; alpha: %s; beta: %s", (unsigned long long)model.seed, what,
             (unsigned long long)row, writer->lanes[0].reason, writer->lanes[1].reason);
}

/* The faults stop; and other batches come now and then, which tell what is a row's own fault. */
static void let_it_end(void)
{
    struct fake_store *fake = &model.bench->fake;
    model.faulty = false;
    model.calls_to_crash = 0;
    fake->servers[0].down = fake->servers[1].down = false;
    fake->mended = model.mends;
    int64_t since_ns = model_now_ns;
    for (int i = 0; !is_empty(model.bench->writer); i++) {
        if (i % 16 == 15) {
            submit(0, 1, false);
            submit(1, 1, false);
        }
        if (i == JOBS_OF_THE_END || !do_jobs() || model_now_ns - since_ns > 3600 * NS_PER_SECOND) {
            complain("something waits for ever", (uint64_t)i);
        }
    }
}

static void count_rows(const struct buf *rows, uint8_t *counts)
{
    for (size_t i = 0; i < rows->len; i += 16) {
        uint64_t number;
        memcpy(&number, rows->data + i + 8, sizeof number);
        counts[number]++;
    }
}

static void check(void)
{
    static uint8_t stored[IDS_MAX], viewed[IDS_MAX];
    struct fake_store *fake = &model.bench->fake;
    fake_finish_work(fake);
    memset(stored, 0, sizeof stored);
    memset(viewed, 0, sizeof viewed);
    for (size_t i = 0; i < FAKE_SERVERS; i++) {
        count_rows(&fake->servers[i].rows, stored);
    }
    count_rows(&fake->view, viewed);
    uint64_t bad = 0;
    for (uint64_t row = 0; row < model.bench->next_id; row++) {
        bool is_bad = model.is_bad[row] && !model.mends;
        bool too_often = stored[row] > 1 && !fake->no_ids;
        bad += is_bad;
        if ((stored[row] != 0) == is_bad || too_often) {
            complain(stored[row] == 0 ? "lost" : "stored twice", row);
        }
        if (model.letters[row] != is_bad) {
            complain(model.letters[row] == 0 ? "no dead letter" : "a dead letter too many", row);
        }
        if (!model.lost_server && !fake->no_ids && !fake->shared && viewed[row] != stored[row]) {
            complain("a view is not exact", row);
        }
    }
    if (model.counted_stored != model.bench->next_id - bad || model.counted_buried != bad) {
        complain("counted", model.counted_stored);
    }
}

/* --- rounds --- */

static void begin(uint64_t seed)
{
    static const struct store_ops ops = { .name = "model",
                                          .session_new = fake_session_new,
                                          .session_free = fake_session_free,
                                          .insert = model_insert,
                                          .query = model_query,
                                          .probe = model_probe };
    static const int bad_codes[] = { 0, 153, 9999, 252, 242 };
    memset(&model, 0, sizeof model);
    model.seed = seed;
    model.random = seed * UINT64_C(0x9E3779B97F4A7C15) | 1;
    model_now_ns = BEGINNING_NS;
    draw(2);
    bool shared = one_in(3);
    model.bench = bench_new(shared ? 2 : 1 + draw(2));
    model.bench->options.backoff_min_ns = NS_PER_SECOND / 4;
    model.bench->options.backoff_max_ns = 30 * NS_PER_SECOND;
    struct fake_store *fake = &model.bench->fake;
    fake->store.ops = &ops;
    fake->shared = shared;
    fake->engine = fake->shared ? "ReplicatedMergeTree" : "MergeTree";
    fake->tokens = fake->shared || !one_in(4); /* without, replicas know blocks by their bytes */
    fake->bad_code = bad_codes[draw(ARRAY_LENGTH(bad_codes))];
    fake->bad_message = "a row is at fault";
    model.mends = fake->bad_code == 252 || fake->bad_code == 242;
    fake->no_ids = one_in(8);
    if (one_in(3)) {
        fake->most_rows = 1 + draw(40);
        fake->too_big = sizes[draw(ARRAY_LENGTH(sizes))];
    }
}

static void end(void)
{
    end_process();
    for (size_t i = 0; i < model.file_count; i++) {
        buf_release(&model.files[i].wire);
    }
    bench_free(model.bench);
}

static void run_round(uint64_t seed)
{
    begin(seed);
    start_process();
    model.faulty = true;
    for (uint64_t i = 20 + draw(60); i != 0; i--) {
        do_something();
    }
    let_it_end();
    check();
    end();
}

static uint64_t number_from(const char *variable, uint64_t otherwise)
{
    const char *text = getenv(variable);
    return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

static void each_good_row_is_stored_once_and_each_bad_one_a_dead_letter_once(void **state)
{
    (void)state;
    uint64_t seed = number_from("SLUICE_MODEL_SEED", 0);
    if (seed != 0) {
        tells = true;
        run_round(seed);
        return;
    }
    uint64_t rounds = number_from("SLUICE_MODEL_ROUNDS", ROUNDS);
    for (seed = 1; seed <= rounds; seed++) {
        run_round(seed);
    }
}

int main(void)
{
    log_init(getenv("SLUICE_MODEL_SEED") != NULL ? LOG_DEBUG : LOG_ERROR, LOG_TEXT);
    stream_options[0].batch = stream_options[1].batch = (struct batch_options){ .max_rows = 100, .max_bytes = 1 << 30 };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_good_row_is_stored_once_and_each_bad_one_a_dead_letter_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
