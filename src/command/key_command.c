/* Turns arguments into a key and the lines that make it known, and keys into what they are for. */
#include "command/key_command.h"

#include "gateway_streams.h"

#include "base/digest.h"
#include "config/options/access_options.h"
#include "proto/access/access.h"
#include "proto/access/key_text.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LIST_MAX 256

struct key_arguments {
    const char *config; /* NULL: the usual one */
    const char *origin_items[LIST_MAX], *stream_items[LIST_MAX];
    struct key_options key;
};

/* Cuts `text` at its commas. False: there are too many. */
static bool split(char *text, const char *items[LIST_MAX], struct string_list *list)
{
    *list = (struct string_list){ items, 0 };
    for (char *rest = text, *item; (item = strsep(&rest, ",")) != NULL;) {
        if (list->count == LIST_MAX) {
            return false;
        }
        items[list->count++] = item;
    }
    return true;
}

static bool read_scopes(char *text, unsigned *scopes)
{
    static const char *const names[] = { "write", "read", "admin" }; /* enum access_scope */
    for (char *rest = text, *item; (item = strsep(&rest, ",")) != NULL;) {
        unsigned scope = 0;
        for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
            scope |= strcmp(item, names[i]) == 0 ? 1u << i : 0;
        }
        if (scope == 0) {
            fprintf(stderr, "sluice key: found the scope \"%s\", expected write, read or admin\n", item);
            return false;
        }
        *scopes |= scope;
    }
    return true;
}

static bool parse_arguments(int argc, char **argv, struct key_arguments *arguments)
{
    struct key_options *key = &arguments->key;
    bool good = true;
    for (int option; good && (option = command_next_option(&key_command, argc, argv)) != -1;) {
        switch (option) {
        case 'c': arguments->config = optarg; break;
        case 'N': key->name = optarg; break;
        case 'S': good = read_scopes(optarg, &key->scopes); break;
        case 'T': good = split(optarg, arguments->stream_items, &key->streams); break;
        case 'O': good = split(optarg, arguments->origin_items, &key->origins); break;
        case 'E': key->expires = optarg; break;
        case 'B': key->subject = optarg; break;
        default: good = false;
        }
    }
    return good && optind + 1 == argc;
}

static bool is_plain(const char *name)
{
    for (const char *c = name; *c != '\0'; c++) {
        if ((*c < 'a' || *c > 'z') && (*c < 'A' || *c > 'Z') && *c != '_') {
            return false;
        }
    }
    return true;
}

/* A text of YAML: in quotes unless it can be read in one way alone. */
static void append_text(struct buf *out, const char *text)
{
    if (is_plain(text)) {
        buf_append_string(out, text);
    } else {
        buf_append_json_string(out, slice_from_string(text));
    }
}

static void append_list(struct buf *out, const char *option, const struct string_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        buf_printf(out, i == 0 ? "  %s: [" : ", ", option);
        append_text(out, list->items[i]);
    }
    buf_append_string(out, list->count != 0 ? "]\n" : "");
}

static void append_entry(struct buf *out, const struct key_options *key)
{
    const char *names[3];
    struct string_list scopes = { names, 0 };
    for (unsigned i = 0; i < 3; i++) {
        static const char *const all[] = { "write", "read", "admin" };
        if ((key->scopes & 1u << i) != 0) {
            names[scopes.count++] = all[i];
        }
    }
    buf_append_string(out, "- name: ");
    append_text(out, key->name);
    buf_printf(out, "\n  sha256: %s\n", key->sha256);
    append_list(out, "scopes", &scopes);
    append_list(out, "streams", &key->streams);
    append_list(out, "origins", &key->origins);
    if (*key->expires != '\0') {
        buf_append_string(out, "  expires: ");
        buf_append_json_string(out, slice_from_string(key->expires));
        buf_append_byte(out, '\n');
    }
    if (*key->subject != '\0') {
        buf_append_string(out, "  subject: ");
        buf_append_json_string(out, slice_from_string(key->subject));
        buf_append_byte(out, '\n');
    }
}

/* What the configuration would say of it, but for the streams, which it alone knows. */
static bool is_good(const struct key_options *key)
{
    struct key_options without_streams = *key;
    struct buf problems = { 0 };
    without_streams.streams = (struct string_list){ 0 };
    struct access *access = access_new(&without_streams, 1, NULL, 0, &problems);
    if (access == NULL) {
        fprintf(stderr, "%s", buf_c_string(&problems));
    }
    buf_release(&problems);
    access_free(access);
    return access != NULL;
}

static int make(struct key_options *key)
{
    char text[KEY_TEXT_LENGTH + 1];
    char hex[2 * ACCESS_HASH_SIZE + 1];
    uint8_t hash[ACCESS_HASH_SIZE];
    struct buf entry = { 0 };
    if (key->name == NULL || key->scopes == 0) {
        fprintf(stderr, "sluice key new: %s is missing\n",
                key->name == NULL ? "--name NAME" : "--scopes, of write, read and admin,");
        return 2;
    }
    if (!key_text_make(key->scopes, text) || !digest_sha256(slice_make(text, KEY_TEXT_LENGTH), hash)) {
        fputs("sluice key: no random bytes are to be had\n", stderr);
        return 2;
    }
    for (size_t i = 0; i < sizeof hash; i++) {
        snprintf(hex + 2 * i, 3, "%02x", hash[i]);
    }
    key->sha256 = hex;
    if (!is_good(key)) {
        return 2;
    }
    append_entry(&entry, key);
    bool printed = printf("%s\n\n# The key, in the first line, is not told again. What makes it known, for `keys:` or "
                          "keys_file:\n%s",
                          text, buf_c_string(&entry)) > 0 &&
                   fflush(stdout) == 0;
    explicit_bzero(text, sizeof text);
    buf_release(&entry);
    return printed ? 0 : 1;
}

/* The one line of stdin. */
static struct slice read_line(char *bytes, size_t size)
{
    if (isatty(STDIN_FILENO)) {
        fputs("key: ", stderr);
    }
    size_t length = fgets(bytes, (int)size, stdin) == NULL ? 0 : strcspn(bytes, "\r\n");
    return slice_trim(slice_make(bytes, length));
}

static int check(const struct key_arguments *arguments, struct buf *out, struct buf *problems)
{
    char bytes[KEY_TEXT_MAX + 3];
    int code = gateway_access_describe(arguments->config, read_line(bytes, sizeof bytes), out, problems);
    explicit_bzero(bytes, sizeof bytes);
    return code;
}

static int run_command(int argc, char **argv)
{
    struct key_arguments arguments = { .key = { .line = 1, .file = "sluice key", .expires = "", .subject = "" } };
    struct buf out = { 0 }, problems = { 0 };
    int code = 2;
    bool good = parse_arguments(argc, argv, &arguments);
    const char *verb = good ? argv[optind] : "";
    if (strcmp(verb, "new") == 0) {
        return make(&arguments.key);
    }
    if (strcmp(verb, "check") == 0) {
        code = check(&arguments, &out, &problems);
    } else if (strcmp(verb, "list") == 0) {
        code = gateway_access_list(arguments.config, &out, &problems) ? 0 : 2;
    } else {
        command_explain_use(&key_command);
    }
    fwrite(out.data, 1, out.len, stdout);
    if (problems.len != 0) {
        fprintf(stderr, "%s", buf_c_string(&problems));
    }
    buf_release(&out);
    buf_release(&problems);
    return code;
}

static const struct command_verb command_verbs[] = {
    { "new", "print a key, once, and the lines for `keys:` of the configuration or for its keys_file" },
    { "check", "say of the key on stdin what it is for, and whether it may be used now" },
    { "list", "the keys of the configuration, without what would let anybody in" },
    { 0 },
};

static const struct command_option options[] = {
    COMMAND_CONFIG_OPTION,
    { .name = "name", .value = "NAME", .help = "of the key", .letter = 'N' },
    { .name = "scopes", .value = "SCOPE[,SCOPE…]", .help = "write, read, admin", .letter = 'S' },
    { .name = "streams", .value = "STREAM[,…]", .help = "that it may write; else all", .letter = 'T' },
    { .name = "origins",
      .value = "ORIGIN[,…]",
      .help = "of the web pages that may use it, such as https://shop.example; else any, and none",
      .letter = 'O' },
    { .name = "expires", .value = "TIME", .help = "2027-01-31 or 2027-01-31T12:00:00Z; else never", .letter = 'E' },
    { .name = "subject",
      .value = "SUBJECT",
      .help = "of a client's certificate that stands for the key as well",
      .letter = 'B' },
    { 0 },
};

const struct command key_command = {
    .name = "key",
    .usage = "new --name NAME --scopes SCOPE[,SCOPE…] [--streams STREAM[,…]] [--origins ORIGIN[,…]] [--expires TIME] "
             "[--subject SUBJECT]\n"
             "check [--config FILE] < KEY\n"
             "list [--config FILE]",
    .summary = "make a key for clients, or tell what a key is for",
    .help = "A key is printed once and stands nowhere else. The configuration has its hash.",
    .verbs = command_verbs,
    .options = options,
    .run = run_command,
};
