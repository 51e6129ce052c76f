/* What a key is for, as bits. See access_options.h. */
#pragma once

enum access_scope { ACCESS_WRITE = 1, ACCESS_READ = 2, ACCESS_ADMIN = 4 };
