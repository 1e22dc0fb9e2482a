// C++ operators; throws and catches std::bad_alloc; prints what it saw.
#include <cstdio>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

extern "C" {
#include "mark.h"
}

struct alignas(64) Wide {
    char bytes[192];
};

struct Picky {
    char bytes[77];
    Picky() { throw std::runtime_error("no"); }
};

static void *volatile kept;

int main()
{
    volatile std::size_t huge = static_cast<std::size_t>(1) << 62;
    int caught = 0;
    mark(MARK_BEGIN);

    int *one = new int(5);
    kept = one;
    delete one;
    char *many = new char[1001];
    kept = many;
    delete[] many;
    Wide *wide = new Wide;
    kept = wide;
    delete wide;
    Wide *wides = new Wide[2];
    kept = wides;
    delete[] wides;
    kept = ::operator new(301);
    ::operator delete(kept, 301);
    kept = ::operator new(302, std::nothrow);
    ::operator delete(kept, std::nothrow);
    char place[sizeof(int)];
    kept = new (place) int(6);
    kept = ::operator new(huge, std::nothrow);
    if (kept != nullptr) {
        return 1;
    }
    try {
        kept = ::operator new(huge);
    } catch (const std::bad_alloc &) {
        caught++;
    }
    kept = malloc(303);
    free(kept);
    {
        std::vector<long> numbers;
        for (int at = 0; at < 5; at++) {
            numbers.push_back(at);
        }
    }

    mark(MARK_END);
    try {
        kept = new Picky;
    } catch (const std::runtime_error &) {
        caught++;
    }
    std::printf("caught %d\n", caught);
}
