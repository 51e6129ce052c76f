/* How a payload is packed: as HTTP's Content-Encoding says, as a WebSocket message or a datagram shows. */
#pragma once

enum encoding { ENCODING_IDENTITY, ENCODING_GZIP, ENCODING_DEFLATE, ENCODING_LZ4, ENCODING_ZSTD, ENCODING_OTHER };
