#ifndef SLUICE_CHECKSUM_H
#define SLUICE_CHECKSUM_H
#include <stddef.h>
#include <stdint.h>

/// CRC-32C (Castagnoli, RFC 3720 appendix B.4) of `length` bytes, continuing from `crc` (0 to start).
/// Uses the SSE4.2 instruction where the processor has it and a table otherwise; both give the same value.
uint32_t sluice_crc32c(uint32_t crc, const void *bytes, size_t length);
/// The table path alone, so that a test can hold the two against each other.
uint32_t sluice_crc32c_table(uint32_t crc, const void *bytes, size_t length);
#endif
