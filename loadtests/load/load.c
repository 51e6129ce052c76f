/* Turns options into payloads, and replies into counts, for all protocols. */
#include "load.h"

#include "fail.h"

#include "base/clock.h"

#include <stdlib.h>

#define DATAGRAM_MAX 65507

static void read_template(const char *path, struct buf *source)
{
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        options_refuse("template", "%s cannot be read", path);
    }
    char bytes[4096];
    for (size_t n; (n = fread(bytes, 1, sizeof bytes, file)) != 0;) {
        buf_append(source, bytes, n);
    }
    fclose(file);
}

static void compile_template(struct load *load)
{
    struct buf source = { 0 }, problem = { 0 };
    if (load->options.load_template_file == NULL) {
        buf_append_slice(&source, load_template_default);
    } else {
        read_template(load->options.load_template_file, &source);
    }
    if (!load_template_compile(&load->template, buf_slice(&source), clock_wall_ns() / NS_PER_MS, &problem)) {
        options_refuse("template", "%s", buf_c_string(&problem));
    }
    if (!load->template.has_number && !load->options.same) {
        options_refuse("template", "it has no ${number}, by which events are told apart; with --same it needs none");
    }
    buf_release(&source);
}

static void init_payloads(struct load *load)
{
    const struct options *o = &load->options;
    bool bare = o->bulk == 0;
    load->body = (struct body){ &load->template, bare ? BODY_BARE : (enum body_shape)o->shape, bare ? 1 : o->bulk };
    load->bound = body_length(&load->body);
    if (o->protocol == ON_UDP && load->bound > DATAGRAM_MAX) {
        options_refuse("bulk", "a datagram has room for %d bytes, these events have %zu", DATAGRAM_MAX, load->bound);
    }
    if (o->compress != COMPRESS_NONE) {
        bool block = o->protocol == ON_WS;
        load->plain = must_allocate(load->bound);
        body_write(&load->body, load->plain);
        load->compressor = compressor_new(block ? COMPRESS_LZ4_BLOCK : (enum compression)o->compress);
        load->bound = compressor_bound(load->compressor, load->bound);
    }
}

void load_init(struct load *load)
{
    const struct options *o = &load->options;
    compile_template(load);
    init_payloads(load);
    load->numbers = (struct numbers){ .start = o->start, .limit = o->events, .repeat = o->repeat };
    load->pace = (struct pace){ .interval_ns = o->rate > 0 ? NS_PER_SECOND * (double)load->body.events / o->rate : 0,
                                .length_ns = (int64_t)(o->seconds * NS_PER_SECOND),
                                .limit = (o->events + load->body.events - 1) / load->body.events };
    if (o->acked_file != NULL && (load->acked = fopen(o->acked_file, "a")) == NULL) {
        options_refuse("acked", "%s cannot be written", o->acked_file);
    }
}

/* Numbers the body and, if it is to be compressed, does that. */
static void make(struct load *load, struct payload *payload)
{
    char *plain = load->compressor == NULL ? payload->bytes : load->plain;
    payload->first = body_number(&load->body, plain, &load->numbers);
    if (load->compressor != NULL) {
        payload->length =
            compressor_run(load->compressor, plain, body_length(&load->body), payload->bytes, load->bound);
    }
}

void load_new_payload(struct load *load, struct payload *payload, size_t room)
{
    if (load->same.bytes == NULL) {
        payload->bytes = (char *)must_allocate(room + load->bound) + room;
        payload->length = load->bound;
        if (load->compressor == NULL) {
            body_write(&load->body, payload->bytes);
        }
        if (!load->options.same) {
            return;
        }
        make(load, payload);
        load->numbers.given = 0;
        load->same = *payload;
    }
    *payload = load->same;
}

void load_next_payload(struct load *load, struct payload *payload)
{
    if (load->options.same) {
        payload->first = load->numbers.given;
        load->numbers.given += load->body.events;
    } else {
        make(load, payload);
    }
    load->totals.payloads++;
    load->totals.events += load->body.events;
    load->totals.bytes += payload->length;
}

bool load_count_reply(struct load *load, struct slice body, uint64_t payloads, bool with_ids)
{
    uint64_t events = payloads * load->body.events;
    if (load->options.expect == EXPECT_2XX) {
        load->totals.accepted += events;
        return true;
    }
    struct reply_counts counts;
    bool right = reply_count(body, events, &counts) && counts.accepted + counts.duplicate + counts.rejected == events &&
                 (!with_ids || reply_ids(body, events) == events);
    load->totals.accepted += counts.accepted;
    load->totals.duplicate += counts.duplicate;
    load->totals.rejected += counts.rejected;
    load->totals.wrong += !right;
    return right;
}

/* Repeated events are not where they stand in the order of sending: a line for each run of numbers. */
void load_acknowledge(struct load *load, uint64_t first)
{
    if (load->acked == NULL) {
        return;
    }
    uint64_t start = numbers_at(&load->numbers, first), count = 1;
    for (uint64_t i = 1; i <= load->body.events; i++) {
        uint64_t number = numbers_at(&load->numbers, first + i);
        if (i < load->body.events && number == start + count) {
            count++;
            continue;
        }
        fprintf(load->acked, "%llu %llu\n", (unsigned long long)start, (unsigned long long)count);
        start = number;
        count = 1;
    }
    fflush(load->acked);
}

uint64_t load_decided(const struct load *load)
{
    return load->totals.accepted + load->totals.duplicate + load->totals.rejected;
}
