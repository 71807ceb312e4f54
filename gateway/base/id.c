#include "base/id.h"

void id_format(int64_t unix_ms, const uint8_t random[ID_RANDOM_BYTES], char out[ID_SIZE])
{
    static const char hex[] = "0123456789abcdef";
    uint8_t bytes[16];

    for (int i = 0; i < 6; i++)
        bytes[i] = (uint8_t)((uint64_t)unix_ms >> (40 - 8 * i));
    for (int i = 0; i < ID_RANDOM_BYTES; i++)
        bytes[6 + i] = random[i];
    bytes[6] = (uint8_t)(0x70 | (bytes[6] & 0x0f)); /* version 7 */
    bytes[8] = (uint8_t)(0x80 | (bytes[8] & 0x3f)); /* the RFC's variant */

    char *at = out;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *at++ = '-';
        *at++ = hex[bytes[i] >> 4];
        *at++ = hex[bytes[i] & 0x0f];
    }
    *at = '\0';
}

bool id_unix_ms(struct str id, int64_t *ret)
{
    int64_t unix_ms = 0;
    if (id.len != ID_SIZE - 1)
        return false;
    for (size_t i = 0; i < id.len; i++) {
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        char c = id.data[i];
        if (is_dash ? c != '-' : hex_digit(c) < 0 || (c >= 'A' && c <= 'F'))
            return false;
        if (!is_dash && i < 13)
            unix_ms = unix_ms << 4 | hex_digit(c);
    }
    if (id.data[14] != '7' || hex_digit(id.data[19]) >> 2 != 2)
        return false;
    *ret = unix_ms;
    return true;
}
