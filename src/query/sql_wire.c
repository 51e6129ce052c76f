/* Turns statements and their results into bytes on a UNIX socket, and back. */
#include "query/sql_wire.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define NAME "sql.sock"
#define MAGIC "SLUICE1\n"
#define PIECE_MAX (UINT32_C(1) << 30) /* a larger result travels in several */

enum { MAGIC_LEN = sizeof MAGIC - 1, HEAD_LEN = MAGIC_LEN + 12, FRAME_LEN = 8 };

/* A socket's address holds 108 bytes, a path more: the folder is named by a descriptor. -1 with errno. */
static int open_folder(const char *data_folder, struct sockaddr_un *address)
{
    int fd = open(data_folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
    snprintf(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/" NAME, fd);
    return fd;
}

static void close_keeping_errno(int fd)
{
    int number = errno;
    if (fd >= 0) {
        close(fd);
    }
    errno = number;
}

static int new_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

int sql_wire_listen(const char *data_folder, struct buf *problem)
{
    struct sockaddr_un address;
    int folder = open_folder(data_folder, &address);
    int fd = folder < 0 ? -1 : new_socket();
    bool done = fd >= 0 && (unlinkat(folder, NAME, 0) == 0 || errno == ENOENT) && fchmod(fd, 0600) == 0 &&
                bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && fchmodat(folder, NAME, 0600, 0) == 0 &&
                listen(fd, 16) == 0;
    if (!done) {
        buf_printf(problem, "journal.data: cannot listen on %s/" NAME ": %s", data_folder, strerror(errno));
        close_keeping_errno(fd);
    }
    close_keeping_errno(folder);
    return done ? fd : -1;
}

void sql_wire_remove(const char *data_folder)
{
    struct sockaddr_un address;
    int folder = open_folder(data_folder, &address);
    if (folder >= 0) {
        unlinkat(folder, NAME, 0);
        close(folder);
    }
}

int sql_wire_connect(const char *data_folder)
{
    struct sockaddr_un address;
    int folder = open_folder(data_folder, &address);
    int fd = folder < 0 ? -1 : new_socket();
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        close_keeping_errno(fd);
        fd = -1;
    }
    close_keeping_errno(folder);
    return fd;
}

static bool send_all(int fd, struct slice bytes)
{
    while (bytes.len != 0) {
        ssize_t sent = send(fd, bytes.data, bytes.len, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent <= 0) {
            return false;
        }
        bytes = slice_after(bytes, (size_t)sent);
    }
    return true;
}

static bool receive_all(int fd, char *data, size_t len)
{
    while (len != 0) {
        ssize_t got = recv(fd, data, len, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return false;
        }
        data += got;
        len -= (size_t)got;
    }
    return true;
}

/* Into *space, cleared first. */
static bool receive_into(int fd, struct buf *space, size_t len)
{
    buf_clear(space);
    if (!buf_reserve(space, len + 1) || !receive_all(fd, space->data, len)) {
        return false;
    }
    space->len = len;
    return true;
}

static void store_number(char *at, uint32_t value)
{
    uint32_t little = htole32(value);
    memcpy(at, &little, sizeof little);
}

static uint32_t load_number(const char *at)
{
    uint32_t little;
    memcpy(&little, at, sizeof little);
    return le32toh(little);
}

bool sql_wire_ask(int fd, const struct sql_request *request)
{
    char head[HEAD_LEN] = MAGIC;
    if (request->statement.len > SQL_STATEMENT_MAX || request->format.len > SQL_FORMAT_MAX) {
        return false;
    }
    store_number(head + MAGIC_LEN, request->write);
    store_number(head + MAGIC_LEN + 4, (uint32_t)request->format.len);
    store_number(head + MAGIC_LEN + 8, (uint32_t)request->statement.len);
    return send_all(fd, slice_make(head, sizeof head)) && send_all(fd, request->format) &&
           send_all(fd, request->statement);
}

bool sql_wire_read_request(int fd, struct buf *space, struct sql_request *request)
{
    char head[HEAD_LEN];
    if (!receive_all(fd, head, sizeof head) || memcmp(head, MAGIC, MAGIC_LEN) != 0) {
        return false;
    }
    uint32_t write = load_number(head + MAGIC_LEN);
    uint32_t format = load_number(head + MAGIC_LEN + 4);
    uint32_t statement = load_number(head + MAGIC_LEN + 8);
    if (write > 1 || format > SQL_FORMAT_MAX || statement > SQL_STATEMENT_MAX ||
        !receive_into(fd, space, (size_t)format + statement)) {
        return false;
    }
    *request = (struct sql_request){ slice_make(space->data + format, statement), slice_make(space->data, format),
                                     write != 0 };
    return true;
}

static bool send_frame(int fd, enum sql_frame kind, struct slice bytes)
{
    char head[FRAME_LEN];
    store_number(head, (uint32_t)kind);
    store_number(head + 4, (uint32_t)bytes.len);
    return send_all(fd, slice_make(head, sizeof head)) && send_all(fd, bytes);
}

bool sql_wire_send(int fd, enum sql_frame kind, struct slice bytes)
{
    while (bytes.len > PIECE_MAX) {
        if (!send_frame(fd, kind, slice_make(bytes.data, PIECE_MAX))) {
            return false;
        }
        bytes = slice_after(bytes, PIECE_MAX);
    }
    return send_frame(fd, kind, bytes);
}

bool sql_wire_receive(int fd, enum sql_frame *kind, struct buf *bytes)
{
    char head[FRAME_LEN];
    if (!receive_all(fd, head, sizeof head)) {
        return false;
    }
    uint32_t number = load_number(head);
    uint32_t len = load_number(head + 4);
    if (number < SQL_PIECE || number > SQL_FAILED || len > PIECE_MAX || !receive_into(fd, bytes, len)) {
        return false;
    }
    *kind = (enum sql_frame)number;
    return true;
}
