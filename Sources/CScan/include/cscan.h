#ifndef NAVETTE_CSCAN_H
#define NAVETTE_CSCAN_H
#include <stdint.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

// Where a byte lies among 64: bit i stands for p[i]. Swift's own SIMD types do not become vector comparisons here,
// these do.
static inline uint64_t cs_mask64(const uint8_t *_Nonnull p, uint8_t wanted) {
#if defined(__SSE2__)
  const __m128i w = _mm_set1_epi8((char)wanted);
  uint64_t mask = 0;
  for (int i = 0; i < 4; i++) {
    const __m128i v = _mm_loadu_si128((const __m128i *)(p + 16 * i));
    mask |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, w)) << (16 * i);
  }
  return mask;
#else
  uint64_t mask = 0;
  for (int i = 0; i < 64; i++) mask |= (uint64_t)(p[i] == wanted) << i;
  return mask;
#endif
}

// The same for any of five bytes; repeat one to ask for fewer.
static inline uint64_t cs_any64(const uint8_t *_Nonnull p, const uint8_t *_Nonnull five) {
#if defined(__SSE2__)
  const __m128i a = _mm_set1_epi8((char)five[0]), b = _mm_set1_epi8((char)five[1]), c = _mm_set1_epi8((char)five[2]);
  const __m128i d = _mm_set1_epi8((char)five[3]), e = _mm_set1_epi8((char)five[4]);
  uint64_t mask = 0;
  for (int i = 0; i < 4; i++) {
    const __m128i v = _mm_loadu_si128((const __m128i *)(p + 16 * i));
    const __m128i ab = _mm_or_si128(_mm_cmpeq_epi8(v, a), _mm_cmpeq_epi8(v, b));
    const __m128i cd = _mm_or_si128(_mm_cmpeq_epi8(v, c), _mm_cmpeq_epi8(v, d));
    const __m128i any = _mm_or_si128(_mm_or_si128(ab, cd), _mm_cmpeq_epi8(v, e));
    mask |= (uint64_t)(uint32_t)_mm_movemask_epi8(any) << (16 * i);
  }
  return mask;
#else
  uint64_t mask = 0;
  for (int i = 0; i < 64; i++) {
    const uint8_t v = p[i];
    mask |= (uint64_t)(v == five[0] || v == five[1] || v == five[2] || v == five[3] || v == five[4]) << i;
  }
  return mask;
#endif
}
#endif
