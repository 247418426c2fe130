#ifndef NAVETTE_CSQLITE_H
#define NAVETTE_CSQLITE_H
#include <sqlite3.h>

// SQLITE_TRANSIENT is a cast, which Swift does not see: bind a text that SQLite copies at once.
static inline int cs_bind_text(sqlite3_stmt *statement, int index, const char *text, int length) {
  return sqlite3_bind_text(statement, index, text, length, SQLITE_TRANSIENT);
}
#endif
