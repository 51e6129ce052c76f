/* Turns the names of the environment into options. */
#include "config/yaml/environment.h"

#include "config/yaml/scalar.h"

const struct environment_option environment_options[] = {
    { "SLUICE_LOG_LEVEL", "log.level" },
    { "SLUICE_HTTP", "http.listen" },
    { "SLUICE_TLS_CERTIFICATE", "http.tls.certificate" },
    { "SLUICE_TLS_KEY", "http.tls.key" },
    { "SLUICE_UDP", "udp.listeners[0].listen" },
    { "SLUICE_DATA", "journal.data" },
    { "SLUICE_DURABILITY", "journal.durability" },
    { "SLUICE_DEDUP", "dedup.kind" },
    { "REDIS_URL", "dedup.redis_url" },
    { "REDIS_PASSWORD", "dedup.redis_password" },
    { "SLUICE_STORE", "store.kind" },
    { "SLUICE_LIBCHDB", "store.library" },
    { "CLICKHOUSE_URL", "store.url" },
    { "CLICKHOUSE_USER", "store.user" },
    { "CLICKHOUSE_PASSWORD", "store.password" },
    { "CLICKHOUSE_DATABASE", "store.database" },
    { "SLUICE_DRAIN_TIMEOUT", "drain.timeout" },
};

const size_t environment_option_count = ARRAY_LENGTH(environment_options);

const char *environment_variable(const char *path)
{
    for (size_t i = 0; i < environment_option_count; i++) {
        if (strcmp(environment_options[i].path, path) == 0) {
            return environment_options[i].variable;
        }
    }
    return NULL;
}

/* Set by others: the crash tests, and Kubernetes for a Service called "sluice". */
static bool is_of_others(struct slice name)
{
    return slice_equal(name, SLICE("SLUICE_CRASH_POINT")) || slice_starts_with(name, SLICE("SLUICE_SERVICE_")) ||
           slice_equal(name, SLICE("SLUICE_PORT")) || slice_starts_with(name, SLICE("SLUICE_PORT_"));
}

/* Whether the file has ${NAME} or ${NAME:-…}. */
static bool is_mentioned(struct slice file, struct slice name)
{
    while (file.len >= name.len + 3) {
        const char *found = memmem(file.data, file.len, name.data, name.len);
        if (found == NULL) {
            return false;
        }
        size_t at = (size_t)(found - (const char *)file.data);
        size_t end = at + name.len;
        if (at >= 2 && memcmp(found - 2, "${", 2) == 0 && end < file.len &&
            (found[name.len] == '}' || found[name.len] == ':')) {
            return true;
        }
        file = slice_after(file, at + 1);
    }
    return false;
}

static bool is_known(struct slice name, const char *const *names)
{
    for (size_t i = 0; i < environment_option_count; i++) {
        if (slice_equal(name, slice_from_string(names[i]))) {
            return true;
        }
    }
    return false;
}

void environment_unknown(char *const *variables, struct slice file, struct buf *out)
{
    const char *names[ARRAY_LENGTH(environment_options)];
    for (size_t i = 0; i < environment_option_count; i++) {
        names[i] = environment_options[i].variable;
    }
    for (; *variables != NULL; variables++) {
        struct slice name = slice_make(*variables, strcspn(*variables, "="));
        if (!slice_starts_with(name, SLICE("SLUICE_")) || is_known(name, names) || is_of_others(name) ||
            is_mentioned(file, name)) {
            continue;
        }
        const char *nearest = scalar_nearest(name, names, environment_option_count);
        buf_printf(out, "%.*s means nothing here%s%s%s\n", (int)name.len, *variables,
                   nearest != NULL ? ", perhaps " : ": the variables are in docs/configuration.md",
                   nearest != NULL ? nearest : "", nearest != NULL ? " is meant" : "");
    }
}
