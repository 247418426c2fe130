#ifndef NAVETTE_CZLIB_H
#define NAVETTE_CZLIB_H
#include <zlib.h>

// deflateInit2 and inflateInit2 are macros, which Swift does not see.
// wbits 31: a gzip member; zlib then writes mtime 0 and no name, so equal input gives equal bytes.
static inline int cz_deflate_init(z_streamp stream, int level) {
  return deflateInit2(stream, level, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY);
}
static inline int cz_inflate_init(z_streamp stream) { return inflateInit2(stream, 31); }
#endif
