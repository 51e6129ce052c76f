/* Turns the kernel's idea of a socket into what sessions ask. */
#include "proto/server/plain_socket.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

size_t plain_socket_untaken(int fd)
{
    int waiting = 0;
    return ioctl(fd, SIOCOUTQ, &waiting) == 0 && waiting > 0 ? (size_t)waiting : 0;
}
