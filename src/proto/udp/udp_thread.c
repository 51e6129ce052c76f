/* Turns datagrams into submissions. */
#include "proto/udp/udp_thread.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/lz4.h"
#include "base/metrics/metrics.h"
#include "base/system/heartbeat.h"
#include "base/system/parking.h"
#include "base/thread.h"
#include "event/request_fields.h"
#include "event/ticket.h"
#include "pipeline/json/json.h"
#include "pipeline/pipeline.h"
#include "proto/access/access.h"
#include "proto/front/encoding.h"
#include "proto/front/intake.h"
#include "proto/gate/toll.h"
#include "proto/udp/udp_batch.h"
#include "proto/udp/udp_rules.h"
#include "proto/udp/udp_socket.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define SLOTS 128
#define MAX_NAP_NS NS_PER_MS
#define MIN_NAP_NS (50 * NS_PER_US) /* the system's timers are no finer */
#define DATAGRAM_CHARGE 768         /* what the kernel charges for a small datagram */
#define LONG_DATAGRAM 4096          /* worth a look at the clock */

struct udp_thread {
    struct udp_thread_config config;
    char name[16];
    struct thread thread;
    struct heartbeat heartbeat;
    struct parking parking;
    struct intake intake;
    struct udp_batch *batch;
    struct digest_scratch *scratch; /* for signatures */
    int64_t nap_ns;
    int64_t now_ns;    /* of the batch at hand, while there are limits */
    int64_t oldest_ns; /* when the first row that is not pushed yet came; 0: there is none */
    uint32_t dropped;  /* by the kernel, when it was last told of */
    int bell;          /* an eventfd: wakes it from poll */
    /* Invariant: whoever sets one of `woken`, `closing` and then sees `asleep` rings the bell; the thread sets `asleep`
     * and then looks at both before it waits. So no call is lost, and a thread that is awake costs no system call. */
    atomic_bool woken; /* completions wait */
    atomic_bool closing;
    atomic_bool asleep;
    _Atomic int64_t deadline_ns;
};

/* Any thread. */
static void ring_if_asleep(struct udp_thread *thread)
{
    if (atomic_load(&thread->asleep)) {
        eventfd_write(thread->bell, 1);
    }
}

static void wake(void *opaque)
{
    struct udp_thread *thread = opaque;
    atomic_store(&thread->woken, true);
    ring_if_asleep(thread);
}

/* Nobody is told: the commit thread has counted. */
static void on_complete(void *opaque, const struct ticket *ticket)
{
    (void)opaque, (void)ticket;
}

static void on_stored(void *opaque, struct token token)
{
    (void)opaque, (void)token;
}

static bool begins_json(char first)
{
    return first != '\0' && strchr("{[ \t\r\n\x1e\xEF", first) != NULL;
}

/* "{}" and the like with NULs behind it, or nothing else than these: no LZ4 block consists of them. */
static bool is_padded_json(struct slice datagram)
{
    struct slice text = json_trim(datagram);
    return text.len == 0 || (text.len < 4 && begins_json(text.data[0]));
}

/* What begins as no JSON does may be an LZ4 block that lacks its size: the decoder says so. */
enum encoding udp_packing(struct slice datagram)
{
    if (datagram.len < 4) {
        return ENCODING_IDENTITY;
    }
    bool sized = datagram.data[3] == '\0' && !is_padded_json(datagram);
    bool packed = sized || load_u32(datagram.data) == LZ4_FRAME_MAGIC ||
                  (!begins_json(datagram.data[0]) && lz4_is_bare_block(datagram));
    return packed ? ENCODING_LZ4 : ENCODING_IDENTITY;
}

/* Of whoever a datagram says has sent it. */
static enum error RARE ask_limits(struct udp_thread *thread, const struct visitor *visitor, size_t bytes)
{
    struct limit_state state;
    const struct spending spending = { .requests = 1, .bytes = bytes };
    enum error error = limits_take(thread->config.shared->gatekeeper.rates, visitor, &spending, thread->now_ns, &state);
    if (error != OK) {
        limits_count_refusal(thread->intake.cells, &state);
    }
    return error;
}

/* Who sends, how much, and is there room? */
static enum error judge(struct udp_thread *thread, const struct udp_datagram *datagram, struct visitor *visitor,
                        struct udp_visit *visit)
{
    const struct udp_shared *shared = thread->config.shared;
    const struct udp_arrival arrival = { thread->config.place, datagram->address, datagram->bytes, visitor->wall_ns };
    enum error error = udp_rules_judge(shared->rules, shared->gatekeeper.access, thread->scratch, &arrival, visit);
    if (visit->forgot) {
        metric_add_index(thread->intake.cells, METRIC_UDP_SIGNATURES_FORGOTTEN, thread->config.listener, 1);
    }
    if (access_refuses(error)) {
        metric_add_index(thread->intake.cells, METRIC_KEY_REFUSALS, (size_t)error, 1);
    }
    visitor->key = visit->key;
    if (error == OK && shared->gatekeeper.rates != NULL) {
        error = ask_limits(thread, visitor, datagram->bytes.len);
    }
    if (error == OK && datagram->truncated) {
        error = ERROR_TRUNCATED;
    }
    return error == OK ? gatekeeper_admits(&shared->gatekeeper, NULL) : error;
}

static void RARE pay(struct udp_thread *thread, struct service service, const struct visitor *visitor)
{
    uint32_t events = thread->intake.submission.events;
    service_end(service, visitor, (struct spending){ .events = events != 0 ? events : 1 }, thread->now_ns,
                clock_monotonic_ns);
}

/* What the key says of events: which streams they may be of, and whose they are. */
static void RARE sign(struct udp_thread *thread, const struct udp_datagram *datagram, const struct access_key *key,
                      struct payload *payload, struct request_fields *fields)
{
    if (key->counter != 0) {
        metric_add_index(thread->intake.cells, METRIC_KEY_BYTES, key->counter, (int64_t)datagram->bytes.len);
    }
    payload->key = key->counter;
    fields->key_name = key->name;
    payload->request = fields;
    payload->streams = key->all_streams ? NULL : &key->streams;
}

static void take(struct udp_thread *thread, const struct udp_datagram *datagram, int64_t received_wall_ns)
{
    struct intake *intake = &thread->intake;
    struct visitor visitor = { .address = *datagram->address, .wall_ns = received_wall_ns };
    struct udp_visit visit;
    struct request_fields fields = { 0 };
    enum error error = judge(thread, datagram, &visitor, &visit);
    struct payload payload = {
        .stream = thread->config.stream,
        .bytes = visit.payload,
        .form = PAYLOAD_MANY,
        .pick_stream = true,
        .silent = true,
        .protocol = PROTOCOL_UDP,
        .received_wall_ns = received_wall_ns,
        .client_ip = datagram->sender,
    };
    struct service service = { 0 };
    if (visit.key != NULL) {
        sign(thread, datagram, visit.key, &payload, &fields);
    }
    if (error == OK) {
        service = service_begin(&thread->config.shared->gatekeeper, clock_monotonic_ns);
        error =
            intake_unpack(intake, udp_packing(payload.bytes), thread->config.max_decompressed_bytes, &payload.bytes);
    }
    if (error == OK) {
        pipeline_submit(intake->io, &payload, &intake->submission);
    } else {
        pipeline_refuse(intake->io, &payload, payload.stream, error);
        intake->submission.events = 0;
    }
    if (service.rates != NULL) {
        pay(thread, service, &visitor);
    }
}

/* At once, while the metrics wait for a scrape. */
static void warn_of_drops(struct udp_thread *thread)
{
    uint32_t dropped = udp_batch_dropped(thread->batch);
    if (dropped != thread->dropped) {
        LOG(LOG_WARN, "datagrams dropped by the kernel",
            "thread=%s now=%u cure=\"raise udp.receive_buffer or udp.threads\"", thread->name,
            (unsigned)(dropped - thread->dropped));
        thread->dropped = dropped;
    }
}

static void push(struct udp_thread *thread)
{
    pipeline_io_flush(thread->intake.io);
    intake_shed(&thread->intake);
    thread->oldest_ns = 0;
}

static bool is_over(const struct udp_thread *thread, int64_t now_ns)
{
    return now_ns >= atomic_load(&thread->deadline_ns);
}

/* Datagrams came: the thread lives, and none waits for the others of its batch for long. */
static void keep_time(struct udp_thread *thread, int64_t now_ns)
{
    heartbeat_turn(&thread->heartbeat, now_ns);
    thread->oldest_ns = thread->oldest_ns == 0 ? now_ns : thread->oldest_ns;
    if (now_ns - thread->oldest_ns >= UDP_MAX_WAIT_NS) {
        push(thread);
    }
}

/* What a batch holds. Each may be unpacked to many times its size, so that all together take as long as they like: behind
 * each that may the clock decides. */
static int64_t take_all(struct udp_thread *thread, size_t count)
{
    int64_t wall_ns = clock_wall_ns();
    if (thread->config.shared->gatekeeper.rates != NULL) {
        thread->now_ns = clock_monotonic_ns();
    }
    int64_t bytes = 0;
    bool over = false;
    for (size_t i = 0; i < count; i++) {
        struct udp_datagram datagram = udp_batch_at(thread->batch, i);
        bytes += (int64_t)datagram.bytes.len;
        if (over) {
            pipeline_count_refusal(thread->intake.io, PROTOCOL_UDP, thread->config.stream, ERROR_DRAINING);
            continue;
        }
        take(thread, &datagram, wall_ns);
        if (datagram.bytes.len >= LONG_DATAGRAM || udp_packing(datagram.bytes) != ENCODING_IDENTITY) {
            int64_t now_ns = clock_monotonic_ns();
            keep_time(thread, now_ns);
            over = is_over(thread, now_ns);
        }
    }
    return bytes;
}

/* One system call's worth of datagrams. False: the socket is empty now. */
static bool receive(struct udp_thread *thread, size_t *count)
{
    struct intake *intake = &thread->intake;
    *count = udp_batch_receive(thread->batch, thread->config.fd);
    int64_t bytes = take_all(thread, *count);
    warn_of_drops(thread);
    metric_add_index(intake->cells, METRIC_UDP_DATAGRAMS, thread->config.listener, (int64_t)*count);
    metric_add_index(intake->cells, METRIC_RECEIVED_BYTES, PROTOCOL_UDP, bytes);
    return *count == SLOTS;
}

static void wait_for(struct udp_thread *thread, struct pollfd *sources, nfds_t count, int64_t timeout_ns)
{
    struct timespec timeout = { timeout_ns / NS_PER_SECOND, timeout_ns % NS_PER_SECOND };
    heartbeat_wait(&thread->heartbeat);
    atomic_store(&thread->asleep, true);
    if (!atomic_load(&thread->woken) && !atomic_load(&thread->closing)) {
        ppoll(sources, count, timeout_ns < 0 ? NULL : &timeout, NULL);
    }
    atomic_store(&thread->asleep, false);
    if (sources[0].revents != 0) {
        eventfd_t rings;
        eventfd_read(thread->bell, &rings);
    }
}

/* Until the next datagram, or for a nap that no datagram ends. Until all memory of large datagrams is given back: a second
 * at most. */
static void rest(struct udp_thread *thread, int64_t nap_ns)
{
    int64_t most_ns = pipeline_io_shed(thread->intake.io) ? NS_PER_SECOND : -1;
    struct pollfd sources[] = { { .fd = thread->bell, .events = POLLIN },
                                { .fd = thread->config.fd, .events = POLLIN } };
    wait_for(thread, sources, nap_ns == 0 ? 2 : 1, nap_ns == 0 ? most_ns : nap_ns);
}

/* The socket is empty, after `count` more datagrams: collect for a while, or push and wait for the next. */
static void idle(struct udp_thread *thread, size_t count)
{
    bool collects = thread->oldest_ns != 0 && count != 0 && thread->nap_ns >= MIN_NAP_NS;
    if (!collects) {
        push(thread);
    }
    rest(thread, collects ? thread->nap_ns : 0);
}

static void drain_completions(struct udp_thread *thread)
{
    if (atomic_exchange(&thread->woken, false)) {
        pipeline_io_drain(thread->intake.io);
    }
}

static void pass_parking(struct udp_thread *thread)
{
    if (atomic_load_explicit(&thread->parking.wanted, memory_order_relaxed)) {
        push(thread);
        heartbeat_wait(&thread->heartbeat);
        parking_pass(&thread->parking);
    }
}

/* What the kernel had when the order to close came. */
static void read_the_rest(struct udp_thread *thread)
{
    size_t count;
    udp_socket_refuse(thread->config.fd);
    while (!is_over(thread, clock_monotonic_ns()) && receive(thread, &count)) {
        drain_completions(thread);
    }
}

static void run(void *opaque)
{
    struct udp_thread *thread = opaque;
    size_t count;
    pipeline_await(thread->config.pipeline,
                   INT64_MAX); /* the kernel keeps what comes meanwhile, as long as it has room */
    while (!atomic_load(&thread->closing)) {
        bool more = receive(thread, &count);
        int64_t now_ns = clock_monotonic_ns();
        heartbeat_turn(&thread->heartbeat, now_ns);
        if (count != 0 || thread->oldest_ns != 0) {
            keep_time(thread, now_ns);
        }
        if (!more) {
            idle(thread, count);
        }
        drain_completions(thread);
        pass_parking(thread);
    }
    read_the_rest(thread);
    push(thread);
    heartbeat_wait(&thread->heartbeat);
}

static int64_t nap_for(uint64_t buffer)
{
    uint64_t datagrams = buffer * 2 / DATAGRAM_CHARGE; /* the kernel sets aside twice what it grants */
    int64_t nap_ns = (int64_t)(datagrams / 8) * NS_PER_US;
    return nap_ns < MAX_NAP_NS ? nap_ns : MAX_NAP_NS;
}

struct udp_thread *udp_thread_new(const struct udp_thread_config *config)
{
    struct udp_thread *thread = calloc(1, sizeof *thread);
    if (thread == NULL) {
        return NULL;
    }
    struct pipeline_io_callbacks callbacks = {
        .context = thread, .complete = on_complete, .stored = on_stored, .wake = wake
    };
    thread->config = *config;
    strncpy(thread->name, config->name, sizeof thread->name - 1);
    thread->nap_ns = nap_for(config->buffer);
    udp_socket_tell_drops(config->fd);
    atomic_init(&thread->deadline_ns, INT64_MAX);
    parking_init(&thread->parking);
    thread->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    thread->batch = udp_batch_new(SLOTS, UDP_LARGEST);
    thread->scratch = digest_scratch_new();
    bool ok = intake_init(&thread->intake, config->pipeline, config->metrics) && thread->batch != NULL &&
              thread->scratch != NULL;
    thread->intake.max_ratio = config->max_ratio;
    if (ok && thread->bell >= 0) {
        thread->intake.io = pipeline_io_new(config->pipeline, &callbacks);
    }
    if (thread->intake.io == NULL) {
        udp_thread_free(thread);
        return NULL;
    }
    return thread;
}

enum error udp_thread_start(struct udp_thread *thread)
{
    return thread_start(&thread->thread, thread->name, run, thread);
}

int64_t udp_thread_turn_ns(const struct udp_thread *thread, int64_t now_ns)
{
    return heartbeat_age_ns(&thread->heartbeat, now_ns);
}

struct parking *udp_thread_park(struct udp_thread *thread)
{
    parking_want(&thread->parking);
    wake(thread);
    return &thread->parking;
}

void udp_thread_bound(struct udp_thread *thread, uint64_t max_decompressed_bytes, uint64_t max_ratio)
{
    ASSERT(thread->parking.stands);
    thread->config.max_decompressed_bytes = max_decompressed_bytes;
    thread->intake.max_ratio = max_ratio;
}

void udp_thread_close(struct udp_thread *thread)
{
    atomic_store(&thread->closing, true);
    ring_if_asleep(thread);
}

void udp_thread_stop(struct udp_thread *thread, int64_t deadline_ns)
{
    atomic_store(&thread->deadline_ns, deadline_ns);
    udp_thread_close(thread);
    thread_join(&thread->thread);
}

void udp_thread_free(struct udp_thread *thread)
{
    if (thread->bell >= 0) {
        close(thread->bell);
    }
    udp_batch_free(thread->batch);
    digest_scratch_free(thread->scratch);
    intake_release(&thread->intake);
    parking_release(&thread->parking);
    free(thread);
}
