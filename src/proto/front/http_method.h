/* The methods of HTTP requests that anybody tells apart (RFC 9110, 9). */
#pragma once

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_DELETE, HTTP_OPTIONS, HTTP_PATCH, HTTP_OTHER };

#define METHOD_BIT(method) (1u << (method))
