#define _GNU_SOURCE
#include "cscan.h"
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

// Where a byte lies among 64.
typedef uint64_t (*equal_fn)(const uint8_t *, uint8_t);
// How many bits are set up to each one: whether that is odd.
typedef uint64_t (*parity_fn)(uint64_t);

// Inlined for each width of comparison.
INLINE size_t mark(
  const uint8_t *text, size_t blocks, const cs_alphabet *alphabet, cs_marks *marks, equal_fn equal, parity_fn parity) {
  size_t ends = 0;
  const cs_alphabet a = *alphabet;
  for (size_t i = 0; i < blocks; i++, text += 64) {
    const uint64_t quotes = a.quotes ? equal(text, a.quote) : 0;
    marks[i].quotes = quotes;
    marks[i].within = parity(quotes);
    marks[i].backslashes = equal(text, '\\');
    marks[i].apostrophes = a.apostrophes ? equal(text, '\'') : 0;
    const uint64_t end = equal(text, a.end);
    marks[i].ends = end;
    ends += (size_t)__builtin_popcountll(end);
    marks[i].others = equal(text, a.other);
    uint64_t separators = a.count ? equal(text, a.separators[0]) : 0;
    for (int other = 1; other < a.count; other++) separators |= equal(text, a.separators[other]);
    marks[i].separators = separators;
  }
  return ends;
}

INLINE uint64_t parity_narrow(uint64_t bits) {
  for (int shift = 1; shift < 64; shift *= 2) bits ^= bits << shift;
  return bits;
}

// Bytes from 0x80 on, among 64.
typedef uint64_t (*high_fn)(const uint8_t *);

INLINE size_t cut(
  const uint8_t *text, size_t count, cs_cutting cutting, cs_cell *cells, cs_row *row, equal_fn equal, parity_fn parity, high_fn high) {
  // Of the block before, in the lowest bit: a cell begins behind it, or a quote has just closed. All ones: it ended within quotes.
  uint64_t begins = 1, closed = 0, open = 0;
  uint64_t quoted = 0, escapes = 0, others = 0;
  size_t stray = 0;
  uint32_t from = 0, found = 0;
  for (size_t at = 0; at < count; at += 64) {
    uint8_t rest[64];
    const uint8_t *block = text + at;
    if (count - at < 64) {
      // Not beyond memory that is ours. What is put there is behind the last line feed.
      memset(rest, 0, sizeof rest);
      memcpy(rest, block, count - at);
      block = rest;
    }
    const uint64_t feeds = equal(block, '\n');
    // Up to the first line feed and with it.
    const uint64_t valid = feeds ? feeds ^ (feeds - 1) : ~(uint64_t)0;
    const uint64_t quotes = equal(block, '"') & valid;
    escapes |= equal(block, '\\') & valid;
    others |= (high(block) | equal(block, 0)) & valid;
    quoted |= quotes;
    uint64_t ends = cutting.delimited ? equal(block, cutting.delimiter) & valid : 0;
    if (quotes | open | closed) {
      const uint64_t inside = parity(quotes) ^ open;
      ends &= ~inside;
      const uint64_t closing = quotes & ~inside;
      const uint64_t behind = (closing << 1 | closed) & valid;
      if (quotes & inside & ~(ends << 1 | begins)) return 0;
      const uint64_t returns = behind & equal(block, '\r');
      if (behind & ~(ends | feeds | returns)) return 0;
      if (inside & feeds & valid) return 0;
      // A return behind a quote belongs to the line end, or else it is text.
      if (returns) {
        if (stray || returns & (returns - 1)) return 0;
        stray = at + (size_t)__builtin_ctzll(returns);
      }
      closed = closing >> 63;
      open = 0 - (inside >> 63);
    }
    begins = ends >> 63;
    for (; ends; ends &= ends - 1) {
      const uint32_t to = (uint32_t)(at + (size_t)__builtin_ctzll(ends));
      if (found == cutting.most) return 0;
      const bool is_quoted = text[from] == '"';
      cells[found].from = from + is_quoted;
      cells[found++].to = to - is_quoted;
      from = to + 1;
    }
    if (feeds) {
      const uint32_t feed = (uint32_t)(at + (size_t)__builtin_ctzll(feeds));
      const uint32_t to = feed > 0 && text[feed - 1] == '\r' ? feed - 1 : feed;
      if (to == 0 || found == cutting.most || (quoted && escapes) || (stray && stray != to)) return 0;
      const bool is_quoted = from < to && text[from] == '"';
      cells[found].from = from + is_quoted;
      cells[found++].to = to - is_quoted;
      row->end = to;
      row->cells = found;
      row->plain = !others;
      return (size_t)feed + 1;
    }
  }
  return 0;
}

INLINE bool unquoted(const uint8_t *text, size_t count, uint8_t delimiter, size_t delimiters, equal_fn equal) {
  size_t found = 0;
  for (size_t at = 0; at < count; at += 64) {
    uint8_t rest[64];
    const uint8_t *block = text + at;
    uint64_t valid = ~(uint64_t)0;
    if (count - at < 64) {
      memset(rest, 0, sizeof rest);
      memcpy(rest, block, count - at);
      block = rest;
      valid = ((uint64_t)1 << (count - at)) - 1;
    }
    if ((equal(block, '"') | equal(block, '\n') | equal(block, '\r')) & valid) return false;
    found += (size_t)__builtin_popcountll(equal(block, delimiter) & valid);
  }
  return found == delimiters;
}

#if defined(__x86_64__)
#include <immintrin.h>

// Every x86-64 has these.
INLINE uint64_t equal_narrow(const uint8_t *p, uint8_t wanted) {
  const __m128i w = _mm_set1_epi8((char)wanted);
  uint64_t mask = 0;
  for (int i = 0; i < 4; i++) {
    const __m128i v = _mm_loadu_si128((const __m128i *)(p + 16 * i));
    mask |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, w)) << (16 * i);
  }
  return mask;
}

INLINE uint64_t high_narrow(const uint8_t *p) {
  uint64_t mask = 0;
  for (int i = 0; i < 4; i++)
    mask |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_loadu_si128((const __m128i *)(p + 16 * i))) << (16 * i);
  return mask;
}

#define WIDE __attribute__((target("avx2,pclmul,popcnt")))

WIDE INLINE uint64_t equal_wide(const uint8_t *p, uint8_t wanted) {
  const __m256i w = _mm256_set1_epi8((char)wanted);
  const __m256i low = _mm256_cmpeq_epi8(_mm256_loadu_si256((const __m256i *)p), w);
  const __m256i high = _mm256_cmpeq_epi8(_mm256_loadu_si256((const __m256i *)(p + 32)), w);
  return (uint64_t)(uint32_t)_mm256_movemask_epi8(low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(high) << 32;
}

// Multiplied without carries by all ones.
WIDE INLINE uint64_t parity_wide(uint64_t bits) {
  return (uint64_t)_mm_cvtsi128_si64(_mm_clmulepi64_si128(_mm_set_epi64x(0, (int64_t)bits), _mm_set1_epi8(-1), 0));
}

WIDE INLINE uint64_t high_wide(const uint8_t *p) {
  const uint32_t low = (uint32_t)_mm256_movemask_epi8(_mm256_loadu_si256((const __m256i *)p));
  return (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_loadu_si256((const __m256i *)(p + 32))) << 32 | low;
}

WIDE static size_t plain_wide(const uint8_t *text, size_t count) {
  size_t at = 0;
  for (; at + 64 <= count; at += 64) {
    const __m256i low = _mm256_loadu_si256((const __m256i *)(text + at));
    const __m256i high = _mm256_loadu_si256((const __m256i *)(text + at + 32));
    // What is 0, or negative as a signed byte.
    const __m256i least = _mm256_min_epi8(low, high);
    if (_mm256_movemask_epi8(_mm256_cmpgt_epi8(least, _mm256_setzero_si256())) != -1) break;
  }
  return at;
}

WIDE static size_t mark_wide(const uint8_t *text, size_t blocks, const cs_alphabet *alphabet, cs_marks *marks) {
  return mark(text, blocks, alphabet, marks, equal_wide, parity_wide);
}

WIDE static size_t cut_wide(const uint8_t *text, size_t count, cs_cutting cutting, cs_cell *cells, cs_row *row) {
  return cut(text, count, cutting, cells, row, equal_wide, parity_wide, high_wide);
}

WIDE static bool unquoted_wide(const uint8_t *text, size_t count, uint8_t delimiter, size_t delimiters) {
  return unquoted(text, count, delimiter, delimiters, equal_wide);
}
#else
INLINE uint64_t equal_narrow(const uint8_t *p, uint8_t wanted) {
  uint64_t mask = 0;
  for (int i = 0; i < 64; i++) mask |= (uint64_t)(p[i] == wanted) << i;
  return mask;
}

INLINE uint64_t high_narrow(const uint8_t *p) {
  uint64_t mask = 0;
  for (int i = 0; i < 64; i++) mask |= (uint64_t)(p[i] >> 7) << i;
  return mask;
}
#endif

size_t cs_mark_narrow(const uint8_t *text, size_t blocks, const cs_alphabet *alphabet, cs_marks *marks) {
  return mark(text, blocks, alphabet, marks, equal_narrow, parity_narrow);
}

#if defined(__x86_64__)
static bool wide(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("popcnt"); }
#endif

size_t cs_mark(const uint8_t *text, size_t blocks, const cs_alphabet *alphabet, cs_marks *marks) {
#if defined(__x86_64__)
  if (wide()) return mark_wide(text, blocks, alphabet, marks);
#endif
  return cs_mark_narrow(text, blocks, alphabet, marks);
}

size_t cs_plain_narrow(const uint8_t *text, size_t count) {
  size_t at = 0;
  for (; at + 64 <= count; at += 64) {
    bool other = false;
    for (int i = 0; i < 64; i++) other |= (int8_t)text[at + i] <= 0;
    if (other) break;
  }
  return at;
}

size_t cs_plain(const uint8_t *text, size_t count) {
#if defined(__x86_64__)
  if (wide()) return plain_wide(text, count);
#endif
  return cs_plain_narrow(text, count);
}

size_t cs_cut_narrow(const uint8_t *text, size_t count, cs_cutting cutting, cs_cell *cells, cs_row *row) {
  return cut(text, count, cutting, cells, row, equal_narrow, parity_narrow, high_narrow);
}

size_t cs_cut(const uint8_t *text, size_t count, cs_cutting cutting, cs_cell *cells, cs_row *row) {
#if defined(__x86_64__)
  if (wide()) return cut_wide(text, count, cutting, cells, row);
#endif
  return cs_cut_narrow(text, count, cutting, cells, row);
}

bool cs_unquoted(const uint8_t *text, size_t count, uint8_t delimiter, size_t delimiters) {
#if defined(__x86_64__)
  if (wide()) return unquoted_wide(text, count, delimiter, delimiters);
#endif
  return unquoted(text, count, delimiter, delimiters, equal_narrow);
}

const uint8_t *cs_find(const uint8_t *text, size_t count, const uint8_t *wanted, size_t length) {
  return memmem(text, count, wanted, length);
}

size_t cs_json_plain(const uint8_t *text, size_t count) {
  size_t at = 0;
#if defined(__x86_64__)
  // Every x86-64 has these. Most strings are shorter than two steps, so wider ones would gain little.
  const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\'), control = _mm_set1_epi8(0x1f);
  for (; at + 16 <= count; at += 16) {
    const __m128i v = _mm_loadu_si128((const __m128i *)(text + at));
    const __m128i special = _mm_or_si128(
      _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, backslash)),
      _mm_cmpeq_epi8(_mm_min_epu8(v, control), v));
    const int mask = _mm_movemask_epi8(special);
    if (mask) return at + (size_t)__builtin_ctz((unsigned)mask);
  }
#endif
  for (; at < count; at++)
    if (text[at] == '"' || text[at] == '\\' || text[at] < 0x20) return at;
  return at;
}
