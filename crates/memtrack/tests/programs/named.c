/* Functions by the names that their allocator gives them: -DJEMALLOC, -DMIMALLOC or -DTCMALLOC. */
#include "mark.h"

static void *volatile kept;

#ifdef JEMALLOC
void *mallocx(size_t, int);
void *rallocx(void *, size_t, int);
void dallocx(void *, int);
void sdallocx(void *, size_t, int);
#endif
#ifdef MIMALLOC
void *mi_malloc(size_t);
void *mi_zalloc(size_t);
void *mi_calloc(size_t, size_t);
void *mi_realloc(void *, size_t);
void *mi_recalloc(void *, size_t, size_t);
void *mi_malloc_aligned(size_t, size_t);
void *mi_aligned_alloc(size_t, size_t);
int mi_posix_memalign(void **, size_t, size_t);
char *mi_strdup(const char *);
void *mi_heap_get_default(void);
void *mi_heap_malloc(void *, size_t);
void mi_free(void *);
void mi_free_size(void *, size_t);
#endif
#ifdef TCMALLOC
void *tc_malloc(size_t);
void *tc_calloc(size_t, size_t);
void *tc_realloc(void *, size_t);
void *tc_memalign(size_t, size_t);
void *tc_new(size_t);
void tc_delete(void *);
void tc_free(void *);
#endif

int main(void)
{
    mark(MARK_BEGIN);
#ifdef JEMALLOC
    kept = mallocx(100, 0);
    kept = rallocx(kept, 50000, 0);
    dallocx(kept, 0);
    kept = mallocx(101, 0);
    sdallocx(kept, 101, 0);
#endif
#ifdef MIMALLOC
    void *block;
    kept = mi_malloc(100);
    kept = mi_realloc(kept, 50000);
    mi_free(kept);
    kept = mi_zalloc(5555);
    kept = mi_recalloc(kept, 3, 20000);
    mi_free_size(kept, 60000);
    kept = mi_calloc(7, 11);
    mi_free(kept);
    kept = mi_malloc_aligned(101, 64);
    mi_free(kept);
    kept = mi_aligned_alloc(64, 640);
    mi_free(kept);
    if (mi_posix_memalign(&block, 64, 102) != 0) {
        return 1;
    }
    mi_free(block);
    kept = mi_strdup("letters");
    mi_free(kept);
    kept = mi_heap_malloc(mi_heap_get_default(), 103);
    mi_free(kept);
    mi_free(NULL);
#endif
#ifdef TCMALLOC
    kept = tc_malloc(100);
    kept = tc_realloc(kept, 50000);
    tc_free(kept);
    kept = tc_calloc(7, 11);
    tc_free(kept);
    kept = tc_memalign(64, 101);
    tc_free(kept);
    kept = tc_new(102);
    tc_delete(kept);
#endif
    mark(MARK_END);
    return 0;
}
