#ifndef NAVETTE_CSCAN_H
#define NAVETTE_CSCAN_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Which of 64 bytes mean something: bit i stands for byte i. `within`: up to here and with it, an odd number of the 64 are quotes.
typedef struct {
  uint64_t quotes, within, backslashes, apostrophes, ends, others, separators;
} cs_marks;

// The bytes looked for beside the backslash: the first `count` (0 to 5) of `separators`, `quote` if anything `quotes`, and of line feed
// and carriage return the one that is an `end`, and the `other`; apostrophes where they are wanted.
typedef struct {
  bool quotes, apostrophes;
  uint8_t quote, count, separators[5], end, other;
} cs_alphabet;

// Marks `blocks` times 64 bytes of text. Swift's own SIMD types do not become vector comparisons here, these do; and the
// processor is asked only once in a stretch whether it has the wider ones. Returns how many bytes are ends.
size_t cs_mark(const uint8_t *_Nonnull text, size_t blocks, const cs_alphabet *_Nonnull alphabet, cs_marks *_Nonnull marks);

// How many bytes at the start of a text are ASCII and not NUL, in steps of 64: at most 63 less than there are.
size_t cs_plain(const uint8_t *_Nonnull text, size_t count);

// Where other bytes first stand in a text; nil where they do not.
const uint8_t *_Nullable cs_find(
  const uint8_t *_Nonnull text, size_t count, const uint8_t *_Nonnull wanted, size_t length);

// How many bytes of a text come before the first that ends a string of JSON or is none of its plain characters: a double quote, a
// backslash, or a control character. As many as there are where none is such.
size_t cs_json_plain(const uint8_t *_Nonnull text, size_t count);

// The first two with the comparisons that every processor has, which are taken where there are no wider ones.
size_t cs_mark_narrow(
  const uint8_t *_Nonnull text, size_t blocks, const cs_alphabet *_Nonnull alphabet, cs_marks *_Nonnull marks);
size_t cs_plain_narrow(const uint8_t *_Nonnull text, size_t count);

// A cell of a row: where it begins and ends, its quotes left out.
typedef struct {
  uint32_t from, to;
} cs_cell;

// What is asked for, and what was found: the row's bytes without its line end, how many cells it has, and whether all of it is ASCII
// and not NUL. `most`: as many cells as there is room for. Without a delimiter all of a row is one cell.
typedef struct {
  bool delimited;
  uint8_t delimiter;
  uint32_t most;
} cs_cutting;
typedef struct {
  uint32_t end, cells;
  bool plain;
} cs_row;

// Cuts the row that the text begins with into cells, where everybody reads it alike: it ends at its first line feed; each double quote
// in it begins a cell or ends it, and no cell holds one; it has no backslash where it has quotes; it is not empty. Returns its bytes,
// the line end included, or 0 where a closer look is needed.
size_t cs_cut(const uint8_t *_Nonnull text, size_t count, cs_cutting cutting, cs_cell *_Nonnull cells, cs_row *_Nonnull row);
size_t cs_cut_narrow(
  const uint8_t *_Nonnull text, size_t count, cs_cutting cutting, cs_cell *_Nonnull cells, cs_row *_Nonnull row);

// Whether a row of CSV says what its cells say: it holds so many delimiters, and neither quotes nor line ends.
bool cs_unquoted(const uint8_t *_Nonnull text, size_t count, uint8_t delimiter, size_t delimiters);
#endif
