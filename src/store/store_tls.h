/* What the store's options say of TLS. */
#pragma once

#include "base/tls/tls_client.h"

struct store_options;

/* What the options are called. */
extern const struct tls_option_names store_tls_names;

/* Borrowed from the options. */
struct tls_files store_tls_files(const struct store_options *options);
