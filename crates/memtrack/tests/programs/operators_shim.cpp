// Operators of C++ that look for the next `malloc` and `free` themselves.
#include <cstdlib>
#include <dlfcn.h>
#include <new>

void *operator new(std::size_t size)
{
    using function = void *(std::size_t);
    static auto allocate = reinterpret_cast<function *>(dlsym(RTLD_NEXT, "malloc"));
    void *block = allocate(size);
    if (block == nullptr) {
        throw std::bad_alloc();
    }
    return block;
}

void operator delete(void *block) noexcept
{
    using function = void(void *);
    static auto release = reinterpret_cast<function *>(dlsym(RTLD_NEXT, "free"));
    release(block);
}

void operator delete(void *block, std::size_t) noexcept
{
    operator delete(block);
}
