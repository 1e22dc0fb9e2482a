/*
 * Does what it is told, line by line, and answers each with a line. Allocates nothing else between two lines.
 *   p N S   N pairs of S bytes
 *   a S     allocates a block of S bytes and keeps it
 *   f       frees the block that was kept last
 */
#include <stdlib.h>
#include <unistd.h>

static void *volatile blocks[1000];
static int kept;

__attribute__((noinline)) static void makes_pairs(long pairs, long size)
{
    for (long done = 0; done < pairs; done++) {
        void *volatile block = malloc(size);
        free(block);
    }
}

__attribute__((noinline)) static void keeps_a_block(long size)
{
    blocks[kept++] = malloc(size);
}

int main(void)
{
    char line[64];
    for (;;) {
        size_t len = 0;
        char byte;
        while (len < sizeof line - 1 && read(0, &byte, 1) == 1 && byte != '\n') {
            line[len++] = byte;
        }
        line[len] = 0;
        if (len == 0) {
            return 0;
        }
        char *rest = line + 1;
        long first = strtol(rest, &rest, 10);
        long second = strtol(rest, &rest, 10);
        if (line[0] == 'p') {
            makes_pairs(first, second);
        } else if (line[0] == 'a') {
            keeps_a_block(first);
        } else if (line[0] == 'f') {
            free(blocks[--kept]);
        }
        if (write(1, "done\n", 5) != 5) {
            return 1;
        }
    }
}
