/*
 * ROW(name, shape): functions that allocators define besides those of C, and which arguments say what is asked for.
 * A shape is a kind of record and the arguments (A to E) that matter to it.
 */
#define PREFIXED(prefix)                                                                                             \
    ROW(prefix##malloc, MALLOC_A)                                                                                    \
    ROW(prefix##calloc, CALLOC_AB)                                                                                   \
    ROW(prefix##realloc, REALLOC_A_B)                                                                                \
    ROW(prefix##memalign, ALIGNED_B)                                                                                 \
    ROW(prefix##valloc, MALLOC_A)                                                                                    \
    ROW(prefix##free, FREE_A)

/* C++; only those of a file that has a `malloc`, too: the operators of the C++ library call `malloc` themselves. */
#define OPERATORS                                                                                                    \
    ROW(_Znwm, MALLOC_A)                                                                                             \
    ROW(_Znam, MALLOC_A)                                                                                             \
    ROW(_ZnwmRKSt9nothrow_t, MALLOC_A)                                                                               \
    ROW(_ZnamRKSt9nothrow_t, MALLOC_A)                                                                               \
    ROW(_ZnwmSt11align_val_t, ALIGNED_A)                                                                             \
    ROW(_ZnamSt11align_val_t, ALIGNED_A)                                                                             \
    ROW(_ZnwmSt11align_val_tRKSt9nothrow_t, ALIGNED_A)                                                               \
    ROW(_ZnamSt11align_val_tRKSt9nothrow_t, ALIGNED_A)                                                               \
    ROW(_ZdlPv, FREE_A)                                                                                              \
    ROW(_ZdaPv, FREE_A)                                                                                              \
    ROW(_ZdlPvm, FREE_A)                                                                                             \
    ROW(_ZdaPvm, FREE_A)                                                                                             \
    ROW(_ZdlPvRKSt9nothrow_t, FREE_A)                                                                                \
    ROW(_ZdaPvRKSt9nothrow_t, FREE_A)                                                                                \
    ROW(_ZdlPvSt11align_val_t, FREE_A)                                                                               \
    ROW(_ZdaPvSt11align_val_t, FREE_A)                                                                               \
    ROW(_ZdlPvmSt11align_val_t, FREE_A)                                                                              \
    ROW(_ZdaPvmSt11align_val_t, FREE_A)                                                                              \
    ROW(_ZdlPvSt11align_val_tRKSt9nothrow_t, FREE_A)                                                                 \
    ROW(_ZdaPvSt11align_val_tRKSt9nothrow_t, FREE_A)

#define JEMALLOC(prefix)                                                                                             \
    ROW(prefix##mallocx, MALLOC_A)                                                                                   \
    ROW(prefix##rallocx, REALLOC_A_B)                                                                                \
    ROW(prefix##dallocx, FREE_A)                                                                                     \
    ROW(prefix##sdallocx, FREE_A)

#define JEMALLOC_PREFIXED(prefix)                                                                                    \
    PREFIXED(prefix)                                                                                                 \
    JEMALLOC(prefix)                                                                                                 \
    ROW(prefix##aligned_alloc, ALIGNED_B)                                                                            \
    ROW(prefix##posix_memalign, POSIX)

#define TCMALLOC                                                                                                     \
    PREFIXED(tc_)                                                                                                    \
    ROW(tc_malloc_skip_new_handler, MALLOC_A)                                                                        \
    ROW(tc_pvalloc, MALLOC_A)                                                                                        \
    ROW(tc_posix_memalign, POSIX)                                                                                    \
    ROW(tc_cfree, FREE_A)                                                                                            \
    ROW(tc_free_sized, FREE_A)                                                                                       \
    ROW(tc_new, MALLOC_A)                                                                                            \
    ROW(tc_newarray, MALLOC_A)                                                                                       \
    ROW(tc_new_nothrow, MALLOC_A)                                                                                    \
    ROW(tc_newarray_nothrow, MALLOC_A)                                                                               \
    ROW(tc_new_aligned, ALIGNED_A)                                                                                   \
    ROW(tc_newarray_aligned, ALIGNED_A)                                                                              \
    ROW(tc_new_aligned_nothrow, ALIGNED_A)                                                                           \
    ROW(tc_newarray_aligned_nothrow, ALIGNED_A)                                                                      \
    ROW(tc_delete, FREE_A)                                                                                           \
    ROW(tc_deletearray, FREE_A)                                                                                      \
    ROW(tc_delete_nothrow, FREE_A)                                                                                   \
    ROW(tc_deletearray_nothrow, FREE_A)                                                                              \
    ROW(tc_delete_sized, FREE_A)                                                                                     \
    ROW(tc_deletearray_sized, FREE_A)                                                                                \
    ROW(tc_delete_aligned, FREE_A)                                                                                   \
    ROW(tc_deletearray_aligned, FREE_A)                                                                              \
    ROW(tc_delete_sized_aligned, FREE_A)                                                                             \
    ROW(tc_deletearray_sized_aligned, FREE_A)                                                                        \
    ROW(tc_delete_aligned_nothrow, FREE_A)                                                                           \
    ROW(tc_deletearray_aligned_nothrow, FREE_A)

#define MIMALLOC                                                                                                     \
    PREFIXED(mi_)                                                                                                    \
    ROW(mi_malloc_small, MALLOC_A)                                                                                   \
    ROW(mi_mallocn, MALLOC_AB)                                                                                       \
    ROW(mi_zalloc, CALLOC_A)                                                                                         \
    ROW(mi_zalloc_small, CALLOC_A)                                                                                   \
    ROW(mi_pvalloc, MALLOC_A)                                                                                        \
    ROW(mi_new, MALLOC_A)                                                                                            \
    ROW(mi_new_nothrow, MALLOC_A)                                                                                    \
    ROW(mi_new_n, MALLOC_AB)                                                                                         \
    ROW(mi_new_aligned, ALIGNED_A)                                                                                   \
    ROW(mi_new_aligned_nothrow, ALIGNED_A)                                                                           \
    ROW(mi_new_realloc, REALLOC_A_B)                                                                                 \
    ROW(mi_new_reallocn, REALLOC_A_BC)                                                                               \
    ROW(mi_malloc_aligned, MALLOC_A)                                                                                 \
    ROW(mi_malloc_aligned_at, MALLOC_A)                                                                              \
    ROW(mi_zalloc_aligned, CALLOC_A)                                                                                 \
    ROW(mi_zalloc_aligned_at, CALLOC_A)                                                                              \
    ROW(mi_calloc_aligned, CALLOC_AB)                                                                                \
    ROW(mi_calloc_aligned_at, CALLOC_AB)                                                                             \
    ROW(mi_aligned_alloc, ALIGNED_B)                                                                                 \
    ROW(mi_posix_memalign, POSIX)                                                                                    \
    ROW(mi_reallocf, REALLOC_A_B)                                                                                    \
    ROW(mi_reallocn, REALLOC_A_BC)                                                                                   \
    ROW(mi_reallocarray, REALLOC_A_BC)                                                                               \
    ROW(mi_rezalloc, REALLOC_A_B)                                                                                    \
    ROW(mi_recalloc, REALLOC_A_BC)                                                                                   \
    ROW(mi_realloc_aligned, REALLOC_A_B)                                                                             \
    ROW(mi_realloc_aligned_at, REALLOC_A_B)                                                                          \
    ROW(mi_rezalloc_aligned, REALLOC_A_B)                                                                            \
    ROW(mi_rezalloc_aligned_at, REALLOC_A_B)                                                                         \
    ROW(mi_recalloc_aligned, REALLOC_A_BC)                                                                           \
    ROW(mi_recalloc_aligned_at, REALLOC_A_BC)                                                                        \
    ROW(mi_strdup, TEXT)                                                                                             \
    ROW(mi_strndup, TEXT)                                                                                            \
    ROW(mi_cfree, FREE_A)                                                                                            \
    ROW(mi_free_size, FREE_A)                                                                                        \
    ROW(mi_free_aligned, FREE_A)                                                                                     \
    ROW(mi_free_size_aligned, FREE_A)                                                                                \
    ROW(mi_heap_malloc, MALLOC_B)                                                                                    \
    ROW(mi_heap_malloc_small, MALLOC_B)                                                                              \
    ROW(mi_heap_malloc_aligned, MALLOC_B)                                                                            \
    ROW(mi_heap_malloc_aligned_at, MALLOC_B)                                                                         \
    ROW(mi_heap_mallocn, MALLOC_BC)                                                                                  \
    ROW(mi_heap_zalloc, CALLOC_B)                                                                                    \
    ROW(mi_heap_zalloc_aligned, CALLOC_B)                                                                            \
    ROW(mi_heap_zalloc_aligned_at, CALLOC_B)                                                                         \
    ROW(mi_heap_calloc, CALLOC_BC)                                                                                   \
    ROW(mi_heap_calloc_aligned, CALLOC_BC)                                                                           \
    ROW(mi_heap_calloc_aligned_at, CALLOC_BC)                                                                        \
    ROW(mi_heap_realloc, REALLOC_B_C)                                                                                \
    ROW(mi_heap_reallocf, REALLOC_B_C)                                                                               \
    ROW(mi_heap_reallocn, REALLOC_B_CD)                                                                              \
    ROW(mi_heap_rezalloc, REALLOC_B_C)                                                                               \
    ROW(mi_heap_recalloc, REALLOC_B_CD)                                                                              \
    ROW(mi_heap_realloc_aligned, REALLOC_B_C)                                                                        \
    ROW(mi_heap_rezalloc_aligned, REALLOC_B_C)                                                                       \
    ROW(mi_heap_strdup, TEXT)                                                                                        \
    ROW(mi_heap_strndup, TEXT)

#define ALL_ROWS                                                                                                     \
    OPERATORS                                                                                                        \
    JEMALLOC()                                                                                                       \
    JEMALLOC_PREFIXED(je_)                                                                                           \
    JEMALLOC_PREFIXED(_rjem_)                                                                                        \
    TCMALLOC                                                                                                         \
    MIMALLOC
