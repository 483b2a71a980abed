#ifndef SLUICE_FUZZER_H
#define SLUICE_FUZZER_H
#include <stddef.h>
#include <stdint.h>

// libFuzzer's own mutations, for use inside a custom mutator. Defined by the library that
// --sanitize=fuzzer links.
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

#endif
