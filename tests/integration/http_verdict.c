/* Turns a raw request on stdin into our parser's verdict on stdout: "done", "partial" or "bad <status>".
 * With --list: the table of cases, a line each: name, raw bytes in hex, expected status, why we are stricter. */
#include <stdio.h>
#include <string.h>

#include "http_cases.h"

static void list_cases(void)
{
    for (size_t i = 0; i < ARRAY_LENGTH(http_cases); i++) {
        const struct http_case *row = &http_cases[i];
        printf("%s\t", row->name);
        for (size_t at = 0; at < row->raw.len; at++) {
            printf("%02x", (unsigned)(uint8_t)row->raw.data[at]);
        }
        printf("\t%d\t%s\n", row->status, row->stricter != NULL ? row->stricter : "");
    }
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        list_cases();
        return 0;
    }
    struct buf raw = { 0 };
    while (buf_reserve(&raw, 4096)) {
        size_t len = fread(raw.data + raw.len, 1, 4096, stdin);
        raw.len += len;
        if (len == 0) {
            break;
        }
    }
    int status = http_case_status(buf_slice(&raw));
    if (status == STATUS_DONE) {
        puts("done");
    } else if (status == STATUS_PARTIAL) {
        puts("partial");
    } else {
        printf("bad %d\n", status);
    }
    buf_release(&raw);
    return 0;
}
