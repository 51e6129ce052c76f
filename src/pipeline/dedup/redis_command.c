/* Turns words into Redis' protocol. */
#include "pipeline/dedup/redis_command.h"

#include "pipeline/dedup/redis_address.h"

#include <inttypes.h>
#include <stdio.h>

void redis_command_begin(struct buf *out, size_t words)
{
    buf_printf(out, "*%zu\r\n", words);
}

void redis_command_word(struct buf *out, struct slice word)
{
    buf_printf(out, "$%zu\r\n", word.len);
    buf_append_slice(out, word);
    buf_append_string(out, "\r\n");
}

void redis_command_number(struct buf *out, int64_t number)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%" PRId64, number);
    redis_command_word(out, slice_make(text, (size_t)len));
}

void redis_command(struct buf *out, const char *const *words)
{
    size_t count = 0;
    while (words[count] != NULL) {
        count++;
    }
    redis_command_begin(out, count);
    for (size_t i = 0; i < count; i++) {
        redis_command_word(out, slice_from_string(words[i]));
    }
}

size_t redis_command_login(struct buf *out, const struct redis_address *address, const char *password)
{
    char database[24];
    size_t count = 0;
    if (address->password[0] != '\0' || password == NULL) {
        password = address->password;
    }
    if (address->user[0] != '\0') {
        redis_command(out, (const char *const[]){ "AUTH", address->user, password, NULL });
        count++;
    } else if (password[0] != '\0') {
        redis_command(out, (const char *const[]){ "AUTH", password, NULL });
        count++;
    }
    if (address->database != 0) {
        snprintf(database, sizeof database, "%lld", (long long)address->database);
        redis_command(out, (const char *const[]){ "SELECT", database, NULL });
        count++;
    }
    return count;
}
