/* Taking connections off a listening socket, and turning them away. */
#pragma once

#include "base/bytes.h"
#include "base/error.h"

struct client_address;

enum accepted {
    ACCEPTED,
    ACCEPT_NOTHING,  /* no more for now */
    ACCEPT_EXHAUSTED /* out of file descriptors or memory: trying again at once is of no use */
};

/* A connection, non-blocking, without Nagle's delay. */
enum accepted accept_next(int listen_fd, int *fd, struct client_address *peer);

/* Answers this error in plain text, as well as it can without waiting, and sends the FIN; fd stays the caller's. */
void accept_answer(int fd, enum error why, struct slice message);

/* Answers 503 or 429 (ERROR_TOO_MANY_OF_ADDRESS) as well as it can without waiting, and closes. */
void accept_refuse(int fd, enum error why);
