/* Turns what the source and the libraries say of themselves into lines. This file calls nothing of a library but that. */
#include "command/version_command.h"

#include "base/version.h"

#include <curl/curl.h>
#include <ev.h>
#include <hiredis/hiredis.h>
#include <libpsl.h>
#include <libwebsockets.h>
#include <lz4.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <xxhash.h>
#include <yaml.h>
#include <zlib.h>
#include <zstd.h>

#define TEXT_(value) #value
#define TEXT(value) TEXT_(value)

static const char *libev(void)
{
    static char text[32];
    snprintf(text, sizeof text, "%d.%d", ev_version_major(), ev_version_minor());
    return text;
}

static const char *xxhash(void)
{
    static char text[32];
    unsigned number = XXH_versionNumber();
    snprintf(text, sizeof text, "%u.%u.%u", number / 10000, number / 100 % 100, number % 100);
    return text;
}

static const char *openssl(void)
{
    return OpenSSL_version(OPENSSL_VERSION_STRING);
}

static const char *curl(void)
{
    return curl_version_info(CURLVERSION_NOW)->version;
}

static const char *psl(void)
{
    return psl_get_version();
}

/* Of these the version is known that the program was built with. */
static const char *hiredis(void)
{
    return TEXT(HIREDIS_MAJOR) "." TEXT(HIREDIS_MINOR) "." TEXT(HIREDIS_PATCH);
}

static const char *simdjson(void)
{
    return SLUICE_SIMDJSON_VERSION;
}

static const char *systemd(void)
{
    return SLUICE_SYSTEMD_VERSION;
}

static const struct {
    const char *name;
    const char *(*version)(void);
} libraries[] = {
    { "libwebsockets", lws_get_library_version },
    { "libev", libev },
    { "simdjson", simdjson },
    { "openssl", openssl },
    { "libcurl", curl },
    { "hiredis", hiredis },
    { "lz4", LZ4_versionString },
    { "zstd", ZSTD_versionString },
    { "zlib", zlibVersion },
    { "xxhash", xxhash },
    { "libyaml", yaml_get_version_string },
    { "libpsl", psl },
    { "libsystemd", systemd },
};

static int run_command(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        return command_explain_use(&version_command);
    }
    printf("sluice %s (commit %s of %s)\n", SLUICE_VERSION, version_commit(), version_date());
    for (size_t i = 0; i < ARRAY_LENGTH(libraries); i++) {
        const char *version = libraries[i].version();
        size_t length = strlen(version);
        length -= length != 0 && version[length - 1] == '-'; /* libwebsockets appends a build, which may be empty */
        printf("%-14s %.*s\n", libraries[i].name, (int)length, version);
    }
    return fflush(stdout) == 0 ? 0 : 1;
}

const struct command version_command = {
    .name = "version",
    .usage = "",
    .summary = "say which version this is, and of its libraries",
    .help = "hiredis, simdjson and libsystemd are told as they were when the program was built, the others as they are "
            "here.",
    .run = run_command,
};
