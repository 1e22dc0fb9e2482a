/* A program with an allocator of its own: 100 pairs of 500 bytes. */
#include <stddef.h>
#include <string.h>
#include <unistd.h>

static _Alignas(16) char room[1 << 20];
static size_t used;

void *malloc(size_t size)
{
    void *block = room + used;
    used += (size + 15) / 16 * 16;
    return used <= sizeof room ? block : NULL;
}

void free(void *block)
{
    (void)block;
}

/* The C library wants all four. */
void *calloc(size_t number, size_t size)
{
    return malloc(number * size);
}

void *realloc(void *block, size_t size)
{
    void *moved = malloc(size);
    return block == NULL || moved == NULL ? moved : memcpy(moved, block, size);
}

int main(void)
{
    for (int done = 0; done < 100; done++) {
        void *volatile block = malloc(500);
        free(block);
    }
    return 0;
}
