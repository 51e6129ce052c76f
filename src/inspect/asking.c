/* Turns options of the command line into the gateway that is asked. */
#include "inspect/asking.h"

#include "base/assert.h"
#include "inspect/admin_url.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define KEY_MAX 256

bool asking_take(struct asking *asking, int option, const char *value)
{
    switch (option) {
    case 'c': asking->config = value; return true;
    case 'U': asking->url = value; return true;
    case 'K': asking->key_file = value; return true;
    case 'A': asking->ca_file = value; return true;
    case 'C': asking->certificate = value; return true;
    case 'P': asking->private_key = value; return true;
    default: return false;
    }
}

/* The first line of the file; it is never repeated. */
static bool read_key_file(const char *path, struct buf *text, struct buf *problem)
{
    char line[KEY_MAX + 2];
    FILE *file = fopen(path, "re");
    bool read = file != NULL && fgets(line, sizeof line, file) != NULL;
    if (read) {
        buf_append_slice(text, slice_trim(slice_make(line, strcspn(line, "\r\n"))));
    } else {
        buf_printf(problem, "cannot read the key of %s: %s", path, file == NULL ? strerror(errno) : "it is empty");
    }
    if (file != NULL) {
        fclose(file);
    }
    return read;
}

static bool read_key(struct asking *asking, struct buf *problem)
{
    const char *variable = getenv("SLUICE_KEY");
    if (asking->key_file != NULL) {
        if (!read_key_file(asking->key_file, &asking->key_text, problem)) {
            return false;
        }
    } else if (variable != NULL) {
        buf_append_slice(&asking->key_text, slice_trim(slice_from_string(variable)));
    }
    for (size_t i = 0; i < asking->key_text.len; i++) {
        char byte = asking->key_text.data[i];
        if (byte <= ' ' || byte == 0x7f || asking->key_text.len > KEY_MAX) { /* a header field could not hold it */
            buf_printf(problem, "%s holds no key: expected printable characters without spaces, at most %d",
                       asking->key_file != NULL ? asking->key_file : "SLUICE_KEY", KEY_MAX);
            return false;
        }
    }
    return true;
}

static bool take_url(struct asking *asking, struct buf *problem)
{
    struct slice url = slice_from_string(asking->url);
    while (url.len != 0 && url.data[url.len - 1] == '/') {
        url.len--;
    }
    buf_append_slice(&asking->url_text, url);
    return remote_check_url(asking->url, problem);
}

static bool find_url(struct asking *asking, struct buf *problem)
{
    bool secure = false;
    if (!configured_load(&asking->configured, asking->config, problem) ||
        !admin_url_find(asking->configured.http, &asking->url_text, &secure, problem)) {
        return false;
    }
    asking->remote.direct = true;
    asking->remote.accept_any = secure && asking->ca_file == NULL;
    return true;
}

bool asking_begin(struct asking *asking, struct buf *problem)
{
    remote_begin();
    if (!read_key(asking, problem) || !(asking->url != NULL ? take_url : find_url)(asking, problem)) {
        return false;
    }
    asking->remote.url = buf_c_string(&asking->url_text);
    asking->remote.key = buf_c_string(&asking->key_text);
    asking->remote.ca_file = asking->ca_file;
    asking->remote.certificate = asking->certificate;
    asking->remote.private_key = asking->private_key;
    if (asking->remote.url == NULL || asking->remote.key == NULL) {
        buf_append_string(problem, "out of memory");
        return false;
    }
    ASSERT(asking->remote.url[0] != '\0');
    return true;
}

void asking_end(struct asking *asking)
{
    buf_release(&asking->url_text);
    buf_release(&asking->key_text);
    configured_release(&asking->configured);
}

int asking_complain(const char *command, struct buf *problem)
{
    while (problem->len != 0 && problem->data[problem->len - 1] == '\n') {
        problem->len--;
    }
    const char *text = buf_c_string(problem);
    fprintf(stderr, "sluice %s: %s\n", command, text != NULL ? text : "out of memory");
    return 2;
}
