/* What the kernel knows of a UDP socket: its receive buffer, and what it dropped. */
#pragma once

#include "base/bytes.h"

/* Asks for a receive buffer of so many bytes: past the limit of the system if the process may (CAP_NET_ADMIN), else as
 * far as net.core.rmem_max goes. Returns what was granted. The kernel sets aside twice that, and charges each datagram
 * with its bookkeeping: some 770 bytes for a datagram of 190. */
uint64_t udp_socket_set_buffer(int fd, uint64_t bytes);

struct udp_socket_state {
    uint64_t buffer;  /* bytes granted, as udp_socket_set_buffer counts */
    uint32_t dropped; /* datagrams since the socket was made; wraps */
};

/* SO_MEMINFO: exact at any moment, while SO_RXQ_OVFL tells the same counter only together with a later datagram. False
 * if the socket cannot be asked. */
MUST_CHECK bool udp_socket_state(int fd, struct udp_socket_state *state);

/* Has each datagram that comes after a drop say so, for udp_batch_dropped (SO_RXQ_OVFL). */
void udp_socket_tell_drops(int fd);

/* From now on the kernel drops, and counts, what arrives; what it holds already can still be read. */
void udp_socket_refuse(int fd);
