/* Turns a file with the body of one bulk request (an array of events) into the time that simdjson alone takes for it:
 * bare_parse FILE [SECONDS]. Parses it whole again and again and prints one line of JSON. One thread. */
#include "pipeline/json/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PARSES_A_LOOK 64 /* between two looks at the clock */

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The file with the padding that the parser wants behind it; exits with a message if it cannot be read. */
static struct slice read_whole(const char *path)
{
    FILE *file = fopen(path, "rb");
    long length = file == NULL || fseek(file, 0, SEEK_END) != 0 ? -1 : ftell(file);
    char *text = length < 0 ? NULL : calloc(1, (size_t)length + JSON_PADDING);
    if (text == NULL || fseek(file, 0, SEEK_SET) != 0 || fread(text, 1, (size_t)length, file) != (size_t)length) {
        fprintf(stderr, "bare_parse: %s cannot be read\n", path);
        exit(EXIT_FAILURE);
    }
    fclose(file);
    return slice_make(text, (size_t)length);
}

static struct json_document parse(struct json_parser *parser, struct slice text)
{
    struct json_document document;
    if (json_parse(parser, text, &document) != OK) {
        fputs("bare_parse: the file is not one JSON value\n", stderr);
        exit(EXIT_FAILURE);
    }
    return document;
}

static size_t count_events(const struct json_document *document)
{
    size_t count = 0;
    for (json_at m = json_first(JSON_ROOT); !json_at_end(document, m); m = json_skip(document, m)) {
        count++;
    }
    return count;
}

int main(int argc, char **argv)
{
    struct json_parser *parser = json_parser_new();
    if (argc < 2 || parser == NULL) {
        fputs("usage: bare_parse FILE [SECONDS]\n", stderr);
        return 2;
    }
    struct slice text = read_whole(argv[1]);
    struct json_document document = parse(parser, text);
    double seconds = argc > 2 ? atof(argv[2]) : 1, took = 0, started = cpu_seconds();
    size_t each = json_type(&document, JSON_ROOT) == '[' ? count_events(&document) : 1, events = 0;
    while (each != 0 && took < seconds) {
        for (int i = 0; i < PARSES_A_LOOK; i++) {
            parse(parser, text);
        }
        events += each * PARSES_A_LOOK;
        took = cpu_seconds() - started;
    }
    printf("{\"events\":%zu,\"seconds\":%.3f,\"ns_per_event\":%.1f}\n", events, took,
           events == 0 ? 0 : took / (double)events * 1e9);
    json_parser_free(parser);
    free((char *)text.data);
    return EXIT_SUCCESS;
}
