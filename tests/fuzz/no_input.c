/* A fuzzer without libFuzzer: it is linked, and met with no byte at all. */
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(void)
{
    return LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
}
