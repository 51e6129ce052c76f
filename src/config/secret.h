/* Secrets that lie in files of their own: of systemd's LoadCredential, of Kubernetes, of Docker. */
#pragma once

struct dedup_options;
struct option_reader;
struct query_options;
struct store_options;

/* Reads the files that the configuration names into the options that they stand for; a problem each of what cannot be used.
 * What they hold is never repeated. */
void settle_secrets(struct option_reader *reader, struct store_options *store, struct query_options *query,
                    struct dedup_options *dedup);
