#include "checksum.h"
#include <string.h>

static uint32_t table[8][256];

static void fill_tables(void) {
    for (uint32_t n = 0; n < 256; n++) {
        uint32_t crc = n;
        for (int k = 0; k < 8; k++) crc = (crc >> 1) ^ (0x82F63B78u & (0u - (crc & 1u)));
        table[0][n] = crc;
    }
    for (uint32_t n = 0; n < 256; n++)
        for (int k = 1; k < 8; k++)
            table[k][n] = (table[k - 1][n] >> 8) ^ table[0][table[k - 1][n] & 0xFF];
}

uint32_t sluice_crc32c_table(uint32_t crc, const void *bytes, size_t length) {
    const uint8_t *p = bytes;
    crc = ~crc;
    while (length >= 8) {
        uint32_t low, high;
        memcpy(&low, p, 4);
        memcpy(&high, p + 4, 4);
        low ^= crc;
        crc = table[7][low & 0xFF] ^ table[6][(low >> 8) & 0xFF] ^ table[5][(low >> 16) & 0xFF] ^
              table[4][low >> 24] ^ table[3][high & 0xFF] ^ table[2][(high >> 8) & 0xFF] ^
              table[1][(high >> 16) & 0xFF] ^ table[0][high >> 24];
        p += 8;
        length -= 8;
    }
    while (length--) crc = (crc >> 8) ^ table[0][(crc ^ *p++) & 0xFF];
    return ~crc;
}

#if defined(__x86_64__)
#include <nmmintrin.h>

// One crc32 instruction waits three cycles for the one before it, and the processor can begin one a cycle:
// so three parts of equal length are taken side by side, and put together by what a CRC becomes when that
// many zero bytes follow it.
enum { LONG_PART = 2048, SHORT_PART = 128 };
static uint32_t after_long[4][256], after_short[4][256];

static void fill_shift(uint32_t shift[4][256], size_t part) {
    static const uint8_t zeros[LONG_PART];
    // By a bit of the CRC: what follows from it alone, for it is linear.
    uint32_t of_bit[32];
    for (int bit = 0; bit < 32; bit++) of_bit[bit] = ~sluice_crc32c_table(~(1u << bit), zeros, part);
    for (int byte = 0; byte < 4; byte++)
        for (int value = 0; value < 256; value++) {
            uint32_t crc = 0;
            for (int bit = 0; bit < 8; bit++)
                if (value >> bit & 1) crc ^= of_bit[8 * byte + bit];
            shift[byte][value] = crc;
        }
}

static uint64_t shifted(uint32_t shift[4][256], uint64_t crc) {
    return shift[0][crc & 0xFF] ^ shift[1][crc >> 8 & 0xFF] ^ shift[2][crc >> 16 & 0xFF] ^
           shift[3][crc >> 24 & 0xFF];
}

static uint64_t word_at(const uint8_t *p) {
    uint64_t word;
    memcpy(&word, p, 8);
    return word;
}

__attribute__((target("sse4.2"))) static inline uint64_t three_parts(
    uint64_t first, const uint8_t *p, size_t part, uint32_t shift[4][256]) {
    uint64_t second = 0, third = 0;
    for (const uint8_t *end = p + part; p < end; p += 8) {
        first = _mm_crc32_u64(first, word_at(p));
        second = _mm_crc32_u64(second, word_at(p + part));
        third = _mm_crc32_u64(third, word_at(p + 2 * part));
    }
    return shifted(shift, shifted(shift, first) ^ second) ^ third;
}

__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t crc, const uint8_t *p, size_t length) {
    uint64_t wide = ~crc;
    for (; length >= 3 * LONG_PART; p += 3 * LONG_PART, length -= 3 * LONG_PART)
        wide = three_parts(wide, p, LONG_PART, after_long);
    for (; length >= 3 * SHORT_PART; p += 3 * SHORT_PART, length -= 3 * SHORT_PART)
        wide = three_parts(wide, p, SHORT_PART, after_short);
    for (; length >= 8; p += 8, length -= 8) wide = _mm_crc32_u64(wide, word_at(p));
    uint32_t narrow = (uint32_t)wide;
    while (length--) narrow = _mm_crc32_u8(narrow, *p++);
    return ~narrow;
}
#endif

uint32_t sluice_crc32c(uint32_t crc, const void *bytes, size_t length) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2")) return crc32c_sse42(crc, bytes, length);
#endif
    return sluice_crc32c_table(crc, bytes, length);
}

// The shifts are made by the tables, so one constructor fills both.
__attribute__((constructor)) static void fill(void) {
    fill_tables();
#if defined(__x86_64__)
    fill_shift(after_long, LONG_PART);
    fill_shift(after_short, SHORT_PART);
#endif
}
