/* Turns what waits at a UDP socket into slices, many at a time. */
#include "proto/udp/udp_batch.h"

#include "base/assert.h"
#include "pipeline/json/json.h"
#include "proto/front/client_address.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#define CACHE_LINE 64

/* Room for one control message of 32 bits. */
struct drops_note {
    _Alignas(struct cmsghdr) char bytes[CMSG_SPACE(sizeof(uint32_t))];
};

struct udp_batch {
    size_t slots;
    struct mmsghdr *headers;
    struct iovec *pieces;
    struct sockaddr_storage *peers;
    char *bytes;
    struct drops_note *notes;
    uint32_t dropped;
    /* The sender whose text was made last: most datagrams of a batch come from few. */
    struct client_address sender;
    char text[CLIENT_ADDRESS_TEXT];
    size_t text_length;
};

static size_t stride_of(size_t largest)
{
    size_t lines = (largest + JSON_PADDING + CACHE_LINE - 1) / CACHE_LINE;
    return (lines | 1) * CACHE_LINE;
}

static void lay_out(struct udp_batch *batch, size_t largest)
{
    for (size_t i = 0; i < batch->slots; i++) {
        batch->pieces[i] = (struct iovec){ batch->bytes + i * stride_of(largest), largest };
        batch->headers[i].msg_hdr = (struct msghdr){
            .msg_name = &batch->peers[i],
            .msg_namelen = sizeof batch->peers[i],
            .msg_iov = &batch->pieces[i],
            .msg_iovlen = 1,
            .msg_control = &batch->notes[i],
            .msg_controllen = sizeof batch->notes[i],
        };
    }
}

struct udp_batch *udp_batch_new(size_t slots, size_t largest)
{
    struct udp_batch *batch = calloc(1, sizeof *batch);
    if (batch == NULL) {
        return NULL;
    }
    batch->slots = slots;
    batch->headers = calloc(slots, sizeof *batch->headers);
    batch->pieces = calloc(slots, sizeof *batch->pieces);
    batch->peers = calloc(slots, sizeof *batch->peers);
    batch->notes = calloc(slots, sizeof *batch->notes);
    batch->bytes = calloc(slots, stride_of(largest));
    if (batch->headers == NULL || batch->pieces == NULL || batch->peers == NULL || batch->notes == NULL ||
        batch->bytes == NULL) {
        udp_batch_free(batch);
        return NULL;
    }
    lay_out(batch, largest);
    batch->text_length = client_address_format(&batch->sender, batch->text);
    return batch;
}

void udp_batch_free(struct udp_batch *batch)
{
    if (batch == NULL) {
        return;
    }
    free(batch->headers);
    free(batch->pieces);
    free(batch->peers);
    free(batch->notes);
    free(batch->bytes);
    free(batch);
}

static void read_note(struct udp_batch *batch, struct msghdr *header)
{
    const struct cmsghdr *note = CMSG_FIRSTHDR(header);
    if (note != NULL && note->cmsg_level == SOL_SOCKET && note->cmsg_type == SO_RXQ_OVFL) {
        memcpy(&batch->dropped, CMSG_DATA(note), sizeof batch->dropped);
    }
}

size_t udp_batch_receive(struct udp_batch *batch, int fd)
{
    int count = recvmmsg(fd, batch->headers, (unsigned)batch->slots, MSG_DONTWAIT, NULL);
    size_t received = count < 0 ? 0 : (size_t)count;
    ASSERT_AT_MOST(received, batch->slots);
    if (received != 0) {
        read_note(batch, &batch->headers[received - 1].msg_hdr);
    }
    for (size_t i = 0; i < received; i++) {
        batch->headers[i].msg_hdr.msg_controllen = sizeof batch->notes[i]; /* the kernel wrote what it used */
    }
    return received;
}

uint32_t udp_batch_dropped(const struct udp_batch *batch)
{
    return batch->dropped;
}

static struct slice sender_text(struct udp_batch *batch, const struct sockaddr_storage *peer)
{
    struct client_address sender = client_address_of(peer);
    if (memcmp(&sender, &batch->sender, sizeof sender) != 0) {
        batch->sender = sender;
        batch->text_length = client_address_format(&sender, batch->text);
    }
    return slice_make(batch->text, batch->text_length);
}

struct udp_datagram udp_batch_at(struct udp_batch *batch, size_t index)
{
    const struct mmsghdr *header = &batch->headers[index];
    struct slice sender = sender_text(batch, &batch->peers[index]);
    return (struct udp_datagram){
        .bytes = slice_make(batch->pieces[index].iov_base, header->msg_len),
        .truncated = (header->msg_hdr.msg_flags & MSG_TRUNC) != 0,
        .address = &batch->sender,
        .sender = sender,
    };
}
