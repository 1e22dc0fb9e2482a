/* Places that allocate through the C++ library, below functions of which none must keep a frame pointer. With a number:
 * a hundred blocks so many calls deep. */
#include <algorithm>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#define PLACE __attribute__((noinline, noclone)) void

static void *volatile kept;

PLACE maps(int count)
{
    auto *map = new std::map<int, std::string>;
    for (int at = 0; at < count; at++) {
        (*map)[at] = std::string(static_cast<size_t>(40 + at % 50), 'x');
    }
    kept = map;
}

PLACE sorts(int count)
{
    auto *numbers = new std::vector<int>;
    for (int at = 0; at < count; at++) {
        numbers->push_back(at * 7919 % 1000);
    }
    std::stable_sort(numbers->begin(), numbers->end());
    kept = numbers;
}

PLACE joins(int count)
{
    std::string text;
    for (int at = 0; at < count; at++) {
        text += "some words ";
        kept = new std::string(text + text);
    }
}

PLACE digs(int depth, size_t size)
{
    if (depth == 0) {
        kept = malloc(size);
    } else {
        digs(depth - 1, size);
    }
    __asm__ volatile("" ::: "memory");
}

PLACE both(const std::function<void(int)> &place, int count)
{
    place(count);
    maps(count / 2);
    __asm__ volatile("" ::: "memory");
}

/* Aligns its stack, and has arguments there: only memory tells where its caller is. */
PLACE aligns(int a, int b, int c, int d, int e, int f, int bytes, int count)
{
    alignas(64) volatile char line[64] = {0};
    volatile char *more = static_cast<volatile char *>(__builtin_alloca(static_cast<size_t>(bytes)));
    for (int at = 0; at < count; at++) {
        line[at % 64] = static_cast<char>(a + b + c + d + e + f);
        more[at % bytes] = line[at % 64];
        kept = malloc(static_cast<size_t>(300 + at));
    }
}

PLACE works(int count)
{
    for (int round = 0; round < count; round++) {
        both(joins, 10);
        digs(round % 20, 100);
        aligns(1, 2, 3, 4, 5, 6, round + 1, 3);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        for (int round = 0; round < 100; round++) {
            digs(atoi(argv[1]), 777);
        }
        return 0;
    }
    for (int round = 0; round < 20; round++) {
        maps(100);
        sorts(500);
        digs(round, 1000);
        both(sorts, 40);
        aligns(1, 2, 3, 4, 5, 6, round + 1, 5);
    }
    std::thread thread(works, 50);
    works(50);
    thread.join();
    return 0;
}
