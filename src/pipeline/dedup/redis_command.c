/* Turns words into Redis' protocol. */
#include "pipeline/dedup/redis_command.h"

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
