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
#endif
