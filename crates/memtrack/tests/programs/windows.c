/* For each line on standard input: `in` makes 3 pairs of 500 bytes, `out` 3 pairs of 400 bytes; then says so. */
#include <string.h>
#include <unistd.h>

#include "mark.h"

int main(void)
{
    char line[16];
    for (;;) {
        ssize_t length = read(0, line, 4);
        if (length <= 0) {
            return 0;
        }
        size_t size = line[0] == 'i' ? 500 : 400;
        for (int at = 0; at < 3; at++) {
            void *volatile block = malloc(size);
            free(block);
        }
        if (write(1, line, 4) != 4) {
            return 1;
        }
    }
}
