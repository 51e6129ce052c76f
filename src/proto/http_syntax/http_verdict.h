/* What a parser says of bytes of which more may come. */
#pragma once

enum http_verdict { HTTP_PARTIAL, HTTP_DONE, HTTP_BAD };
