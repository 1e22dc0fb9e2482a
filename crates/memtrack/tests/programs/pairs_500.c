/* 100 blocks of 500 bytes, one after the other. Exits with 3. */
#include <stdlib.h>

int main(void)
{
    for (int at = 0; at < 100; at++) {
        void *volatile block = malloc(500);
        free(block);
    }
    return 3;
}
