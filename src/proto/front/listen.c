/* Turns "host:port" into listening sockets. */
#include "proto/front/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define UNSENT_MAX (128 << 10) /* of a connection, in the kernel: beyond it replies wait here, where they are counted */
#define BACKLOG 4096

struct endpoint {
    struct sockaddr_storage address;
    socklen_t length;
    int type; /* SOCK_STREAM or SOCK_DGRAM */
    bool any; /* no host was given: both families if there are both */
};

static void set_port(struct endpoint *endpoint, uint16_t port)
{
    if (endpoint->address.ss_family == AF_INET6) {
        ((struct sockaddr_in6 *)&endpoint->address)->sin6_port = htons(port);
    } else {
        ((struct sockaddr_in *)&endpoint->address)->sin_port = htons(port);
    }
}

bool listen_read(const char *text, char host[LISTEN_HOST_MAX], uint16_t *port)
{
    const char *colon = strrchr(text, ':');
    uint64_t number;
    if (colon == NULL || (size_t)(colon - text) >= LISTEN_HOST_MAX ||
        !slice_to_u64(slice_from_string(colon + 1), &number) || number > UINT16_MAX) {
        return false;
    }
    size_t len = (size_t)(colon - text);
    bool bracketed = len >= 2 && text[0] == '[' && text[len - 1] == ']';
    if (!bracketed && memchr(text, ':', len) != NULL) {
        return false;
    }
    snprintf(host, LISTEN_HOST_MAX, "%.*s", (int)(bracketed ? len - 2 : len), bracketed ? text + 1 : text);
    *port = (uint16_t)number;
    return true;
}

static bool read_address(const char *text, char host[LISTEN_HOST_MAX], uint16_t *port, struct buf *problem)
{
    if (!listen_read(text, host, port)) {
        buf_printf(problem, "listen on %s: expected host:port, [ipv6]:port or :port, the port at most %d", text,
                   UINT16_MAX);
        return false;
    }
    return true;
}

bool listen_check(const char *address, struct buf *problem)
{
    char host[LISTEN_HOST_MAX];
    uint16_t port;
    return read_address(address, host, &port, problem);
}

/* What a host stands for, as far as its text says. */
struct host {
    char text[LISTEN_HOST_MAX];
    int family; /* AF_UNSPEC: a name, or empty */
    union {
        struct in_addr v4;
        struct in6_addr v6;
    } address;
    bool every; /* all addresses of its family; of both families if the text is empty */
};

static bool read_host(const char *address, struct host *host, uint16_t *port)
{
    *host = (struct host){ .family = AF_UNSPEC };
    if (!listen_read(address, host->text, port)) {
        return false;
    }
    if (inet_pton(AF_INET, host->text, &host->address.v4) == 1) {
        host->family = AF_INET;
        host->every = host->address.v4.s_addr == htonl(INADDR_ANY);
    } else if (inet_pton(AF_INET6, host->text, &host->address.v6) == 1) {
        host->family = AF_INET6;
        host->every = IN6_IS_ADDR_UNSPECIFIED(&host->address.v6);
    } else {
        host->every = host->text[0] == '\0';
    }
    return true;
}

static bool hosts_overlap(const struct host *a, const struct host *b)
{
    if (a->text[0] == '\0' || b->text[0] == '\0') {
        return true;
    }
    if (a->family != b->family) {
        return false;
    }
    if (a->family == AF_UNSPEC) {
        return strcasecmp(a->text, b->text) == 0;
    }
    size_t size = a->family == AF_INET ? sizeof a->address.v4 : sizeof a->address.v6;
    return a->every || b->every || memcmp(&a->address, &b->address, size) == 0;
}

bool listen_clash(const char *a, const char *b)
{
    struct host host_a, host_b;
    uint16_t port_a, port_b;
    return read_host(a, &host_a, &port_a) && read_host(b, &host_b, &port_b) && port_a == port_b && port_a != 0 &&
           hosts_overlap(&host_a, &host_b);
}

bool listen_is_loopback(const char *address)
{
    struct host host;
    uint16_t port;
    if (!read_host(address, &host, &port)) {
        return false;
    }
    switch (host.family) {
    case AF_INET: return ntohl(host.address.v4.s_addr) >> 24 == IN_LOOPBACKNET;
    case AF_INET6: return IN6_IS_ADDR_LOOPBACK(&host.address.v6);
    default: return strcasecmp(host.text, "localhost") == 0;
    }
}

static void any_address(struct endpoint *endpoint, int family)
{
    *endpoint = (struct endpoint){ .any = true, .type = endpoint->type };
    endpoint->address.ss_family = (sa_family_t)family;
    endpoint->length = family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

/* endpoint->type is set. */
static bool resolve(const char *text, struct endpoint *endpoint, struct buf *problem)
{
    char host[LISTEN_HOST_MAX];
    uint16_t port;
    if (!read_address(text, host, &port, problem)) {
        return false;
    }
    if (host[0] == '\0') {
        any_address(endpoint, AF_INET6);
        set_port(endpoint, port);
        return true;
    }
    struct addrinfo hints = { .ai_socktype = endpoint->type, .ai_flags = AI_PASSIVE }, *found = NULL;
    int failed = getaddrinfo(host, NULL, &hints, &found);
    if (failed != 0) {
        buf_printf(problem, "listen on %s: %s", text, gai_strerror(failed));
        return false;
    }
    endpoint->length = found->ai_addrlen;
    memcpy(&endpoint->address, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    set_port(endpoint, port);
    return true;
}

static bool set_option(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

/* The first socket of a port is bound without SO_REUSEPORT, so that a listener of another process is noticed, and gets
 * the option afterwards, so that the others may join. SO_REUSEADDR lets TCP rebind behind connections that linger; to UDP
 * it would mean that two processes may share the port. */
static int open_socket(const struct endpoint *endpoint, bool first)
{
    int fd = socket(endpoint->address.ss_family, endpoint->type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    bool stream = endpoint->type == SOCK_STREAM;
    bool ok = !stream || set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (endpoint->address.ss_family == AF_INET6) {
        ok = ok && set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, endpoint->any ? 0 : 1);
    }
    ok = ok && (first || set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1));
    ok = ok && bind(fd, (const struct sockaddr *)&endpoint->address, endpoint->length) == 0;
    ok = ok && (!first || set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1));
    ok = ok && (!stream || (set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, UNSENT_MAX) && listen(fd, BACKLOG) == 0));
    if (!ok) {
        int why = errno;
        close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

static int open_first(struct endpoint *endpoint)
{
    int fd = open_socket(endpoint, true);
    if (fd < 0 && endpoint->any && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) {
        uint16_t port = ((struct sockaddr_in6 *)&endpoint->address)->sin6_port;
        any_address(endpoint, AF_INET);
        set_port(endpoint, ntohs(port));
        fd = open_socket(endpoint, true);
    }
    if (fd >= 0) {
        set_port(endpoint, (uint16_t)listen_port(fd));
    }
    return fd;
}

static const char *reason(int error)
{
    switch (error) {
    case EADDRINUSE: return "address already in use";
    case EACCES: return "permission denied (ports below 1024 need CAP_NET_BIND_SERVICE)";
    case EADDRNOTAVAIL: return "this machine has no such address";
    default: return strerror(error);
    }
}

static bool open_all(struct endpoint *endpoint, const char *address, int *fds, size_t count, struct buf *problem)
{
    if (!resolve(address, endpoint, problem)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        fds[i] = i == 0 ? open_first(endpoint) : open_socket(endpoint, false);
        if (fds[i] < 0) {
            bool datagrams = endpoint->type == SOCK_DGRAM;
            buf_printf(problem, "listen on %s%s: %s; it is one of %s", address, datagrams ? " (UDP)" : "",
                       reason(errno), datagrams ? "udp.listeners" : "http.listen, http.listeners, admin.listen");
            while (i-- != 0) {
                close(fds[i]);
            }
            return false;
        }
    }
    return true;
}

bool listen_open(const char *address, int *fds, size_t count, struct buf *problem)
{
    struct endpoint endpoint = { .type = SOCK_STREAM };
    return open_all(&endpoint, address, fds, count, problem);
}

bool listen_open_datagrams(const char *address, int *fds, size_t count, struct buf *problem)
{
    struct endpoint endpoint = { .type = SOCK_DGRAM };
    return open_all(&endpoint, address, fds, count, problem);
}

int listen_port(int fd)
{
    struct sockaddr_storage bound = { 0 };
    socklen_t length = sizeof bound;
    if (getsockname(fd, (struct sockaddr *)&bound, &length) != 0) {
        return 0;
    }
    return ntohs(bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&bound)->sin6_port
                                             : ((struct sockaddr_in *)&bound)->sin_port);
}
