/* Allocates from two functions, one of which keeps its blocks. */
#include <stdlib.h>

static void *volatile kept;

__attribute__((noinline)) static void keeps_a_block(void)
{
    kept = malloc(1234);
    __asm__ volatile("");
}

__attribute__((noinline)) static void frees_a_block(void)
{
    void *volatile block = malloc(4321);
    free(block);
    __asm__ volatile("");
}

int main(void)
{
    for (int at = 0; at < 5; at++) {
        keeps_a_block();
        frees_a_block();
    }
    return 0;
}
