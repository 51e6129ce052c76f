/* Turns what is wrong with an option into a line for people. */
#include "config/option_problem.h"

#include <stdio.h>

void option_problem(struct option_reader *reader, int line, const char *path, const char *format, ...)
{
    char message[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    struct buf *problems = reader->problems;
    size_t before = problems->len;
    buf_append_string(problems, reader->file);
    if (line != 0) {
        buf_printf(problems, ":%d", line);
    }
    buf_printf(problems, ": %s%s%s\n", path, *path != '\0' ? ": " : "", message);
    struct slice said = slice_after(buf_slice(problems), before);
    if (before != 0 && said.len != 0 && memmem(problems->data, before, said.data, said.len) != NULL) {
        problems->len = before; /* a default, and what stands in its place, may ask the environment both */
    }
}
