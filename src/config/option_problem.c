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
    buf_append_string(reader->problems, reader->file);
    if (line != 0) {
        buf_printf(reader->problems, ":%d", line);
    }
    buf_printf(reader->problems, ": %s%s%s\n", path, *path != '\0' ? ": " : "", message);
}
