/*
 * Leads calls to functions that only some allocators have through us.
 *
 * We don't define these names: a program must see what is there without us, and which definition a library uses
 * depends on who loads it. Instead, once all libraries are loaded and before the program begins, the addresses in
 * their tables are changed, as the loader itself would. What is loaded later, by dlopen, keeps its addresses.
 */
#define _GNU_SOURCE
#include "others.h"

#include <link.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include "classes.h"
#include "find.h"
#include "others_table.h"
#include "trace.h"

#if defined(__x86_64__)
#define JUMP_SLOT R_X86_64_JUMP_SLOT
#define GLOB_DAT R_X86_64_GLOB_DAT
#define ABSOLUTE R_X86_64_64
#elif defined(__aarch64__)
#define JUMP_SLOT R_AARCH64_JUMP_SLOT
#define GLOB_DAT R_AARCH64_GLOB_DAT
#define ABSOLUTE R_AARCH64_ABS64
#else
#error "an architecture with relocations that we don't know"
#endif

#define MAX_OBJECTS 8

/* No argument. */
#define NONE 15

/* All of them take up to six whole numbers or addresses, which are in registers. */
typedef uintptr_t (*function)(uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t);

/* A function of the table, with the arguments that matter. */
struct row {
    const char *name;
    enum class class;
    unsigned block;
    unsigned size;
    unsigned factor;
    function ours;
    function theirs;
};

enum number {
#define ROW(name, class, block, size, factor) NUMBER_##name,
    ALL_ROWS
#undef ROW
        ROWS
};

static struct row rows[ROWS];

/*
 * What the unwinder asks when an exception passes `recorded`: nothing is caught, but the call is over. A number is
 * all that is asked for, so the C++ runtime isn't needed.
 */
__attribute__((visibility("hidden"), used)) int others_personality(int version, int actions, uint64_t class_of,
                                                                   void *exception, void *context);

int others_personality(int version, int actions, uint64_t class_of, void *exception, void *context)
{
    enum { CLEANUP_PHASE = 2, CONTINUE_UNWIND = 8 };
    (void)version;
    (void)class_of;
    (void)exception;
    (void)context;
    if (actions & CLEANUP_PHASE) {
        self.inside.frame = 0;
    }
    return CONTINUE_UNWIND;
}

static size_t asked_for(const struct row *row, const uintptr_t *in)
{
    return row->factor == NONE ? in[row->size] : in[row->size] * in[row->factor];
}

static enum kind kind_of(enum class class)
{
    switch (class) {
    case CLASS_CALLOC:
        return KIND_CALLOC;
    case CLASS_ALIGNED:
    case CLASS_OUT:
        return KIND_ALIGNED;
    default:
        return KIND_MALLOC;
    }
}

static void record_allocation(const struct row *row, const uintptr_t *in, uintptr_t result, uintptr_t frame)
{
    void *block = (void *)result;
    if (row->class == CLASS_OUT) {
        block = (int)result == 0 ? *(void **)in[row->block] : NULL;
    }
    if (block != NULL) {
        size_t size = row->class == CLASS_TEXT ? strlen(block) + 1 : asked_for(row, in);
        trace_allocation(kind_of(row->class), frame, block, size, NULL);
    }
}

/* Calls the function behind and records what came of it. An exception may pass. */
static __attribute__((noinline)) uintptr_t recorded(const struct row *row, uintptr_t frame, struct outermost before,
                                                    const uintptr_t *in)
{
    __asm__ volatile(".cfi_personality 0x1b, others_personality");
    uintptr_t old = in[row->block];
    size_t size = asked_for(row, in);
    uintptr_t result;
    if (row->class == CLASS_FREE) {
        trace_free((void *)old);
        result = row->theirs(in[0], in[1], in[2], in[3], in[4], in[5]);
    } else if (row->class != CLASS_REALLOC) {
        result = row->theirs(in[0], in[1], in[2], in[3], in[4], in[5]);
        record_allocation(row, in, result, frame);
    } else if (old == 0 || size > 0) {
        result = row->theirs(in[0], in[1], in[2], in[3], in[4], in[5]);
        if (result != 0) {
            trace_allocation(old == 0 ? KIND_MALLOC : KIND_REALLOC, frame, (void *)result, size, (void *)old);
        }
    } else {
        /* Either a free, stamped before it happens, or an empty block. */
        uint64_t *record = trace_begin(2);
        uint64_t stamp = record == NULL ? 0 : trace_now();
        result = row->theirs(in[0], in[1], in[2], in[3], in[4], in[5]);
        if (record == NULL) {
            trace_lost();
        } else if (result == 0) {
            record[0] = trace_first_word(stamp, 0, KIND_FREE);
            record[1] = old;
            trace_commit(2);
        } else {
            trace_commit(0);
            trace_allocation(KIND_REALLOC, frame, (void *)result, 0, (void *)old);
        }
    }
    trace_leave(before);
    return result;
}

#define ROW(name, class, block, size, factor)                                                                        \
    static uintptr_t ours_##name(uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d, uintptr_t e, uintptr_t f)       \
    {                                                                                                                \
        const struct row *row = &rows[NUMBER_##name];                                                                \
        const uintptr_t in[] = {a, b, c, d, e, f};                                                                   \
        struct outermost before;                                                                                     \
        if (((class) == CLASS_FREE && in[block] == 0) || !trace_enter(FRAME, &before)) {                             \
            return row->theirs(a, b, c, d, e, f);                                                                    \
        }                                                                                                            \
        return recorded(row, FRAME, before, in);                                                                     \
    }
ALL_ROWS
#undef ROW

static struct row rows[ROWS] = {
#define ROW(name, class, block, size, factor)                                                                        \
    [NUMBER_##name] = {#name, class, block, size, factor, ours_##name, NULL},
    ALL_ROWS
#undef ROW
};

static struct {
    const struct link_map *file;
    uint32_t functions;
} objects[MAX_OBJECTS];

void others_note(const struct link_map *file)
{
    for (size_t at = 0; at < MAX_OBJECTS; at++) {
        if (objects[at].file == NULL || objects[at].file == file) {
            objects[at].file = file;
            objects[at].functions++;
            return;
        }
    }
}

static bool find_theirs(void)
{
    bool any = false;
    for (size_t number = 0; number < ROWS; number++) {
        const struct link_map *where;
        void *found = find_from(find_first(), rows[number].name, &where);
        if (found == NULL) {
            continue;
        }
        bool is_operator = strncmp(rows[number].name, "_Z", 2) == 0;
        if (is_operator && find_in(where, "malloc") == NULL) {
            continue;
        }
        others_note(where);
        memcpy(&rows[number].theirs, &found, sizeof found);
        any = true;
    }
    return any;
}

/* Where a loaded file has what. */
struct file {
    uintptr_t base;
    const ElfW(Phdr) * headers;
    size_t count;
    const ElfW(Sym) * symbols;
    const char *names;
};

static const struct row *row_named(const char *name)
{
    if (strchr(FIRST_LETTERS, name[0]) == NULL) {
        return NULL;
    }
    for (size_t number = 0; number < ROWS; number++) {
        if (strcmp(rows[number].name, name) == 0) {
            return &rows[number];
        }
    }
    return NULL;
}

/* The row of a function that was there when the program began. */
static const struct row *row_of(const char *name)
{
    const struct row *row = row_named(name);
    return row != NULL && row->theirs != NULL ? row : NULL;
}

static void write_slot(const struct file *file, uintptr_t *slot, uintptr_t value)
{
    size_t page = (size_t)getauxval(AT_PAGESZ);
    void *start = (void *)((uintptr_t)slot & ~(page - 1));
    bool sealed = false;
    for (size_t at = 0; at < file->count; at++) {
        const ElfW(Phdr) *header = &file->headers[at];
        uintptr_t from = file->base + header->p_vaddr;
        sealed |= header->p_type == PT_GNU_RELRO && (uintptr_t)slot >= from && (uintptr_t)slot < from + header->p_memsz;
    }
    if (sealed && mprotect(start, page, PROT_READ | PROT_WRITE) != 0) {
        return;
    }
    __atomic_store_n(slot, value, __ATOMIC_RELEASE);
    if (sealed) {
        mprotect(start, page, PROT_READ);
    }
}

static bool is_inside(const struct file *file, uintptr_t address)
{
    for (size_t at = 0; at < file->count; at++) {
        const ElfW(Phdr) *header = &file->headers[at];
        uintptr_t from = file->base + header->p_vaddr;
        if (header->p_type == PT_LOAD && address >= from && address < from + header->p_memsz) {
            return true;
        }
    }
    return false;
}

static void change_table(const struct file *file, const ElfW(Rela) * table, size_t bytes)
{
    for (size_t at = 0; at < bytes / sizeof *table; at++) {
        unsigned type = (unsigned)ELF64_R_TYPE(table[at].r_info);
        size_t symbol = ELF64_R_SYM(table[at].r_info);
        if (symbol == 0 || (type != JUMP_SLOT && type != GLOB_DAT && type != ABSOLUTE) || table[at].r_addend != 0) {
            continue;
        }
        const struct row *row = row_of(file->names + file->symbols[symbol].st_name);
        if (row == NULL) {
            continue;
        }
        uintptr_t *slot = (uintptr_t *)(file->base + table[at].r_offset);
        uintptr_t value = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
        /* A slot that the loader has not filled yet leads back into its own file, but not to a definition there. */
        const ElfW(Sym) *its = &file->symbols[symbol];
        bool is_own = its->st_shndx != SHN_UNDEF && value == file->base + its->st_value;
        bool unfilled = type == JUMP_SLOT && is_inside(file, value) && !is_own;
        if (value == (uintptr_t)row->theirs || unfilled) {
            write_slot(file, slot, (uintptr_t)row->ours);
        }
    }
}

static int change_file(struct dl_phdr_info *info, size_t size, void *own)
{
    (void)size;
    struct file file = {.base = info->dlpi_addr, .headers = info->dlpi_phdr, .count = info->dlpi_phnum};
    const ElfW(Dyn) *dynamic = NULL;
    for (size_t at = 0; at < file.count; at++) {
        if (file.headers[at].p_type == PT_DYNAMIC) {
            dynamic = (const ElfW(Dyn) *)(file.base + file.headers[at].p_vaddr);
        }
    }
    if (dynamic == NULL || is_inside(&file, (uintptr_t)own)) {
        return 0;
    }
    const ElfW(Rela) *tables[2] = {NULL, NULL};
    size_t bytes[2] = {0, 0};
    for (; dynamic->d_tag != DT_NULL; dynamic++) {
        uintptr_t address = find_absolute(file.base, dynamic->d_un.d_ptr);
        switch (dynamic->d_tag) {
        case DT_SYMTAB:
            file.symbols = (const ElfW(Sym) *)address;
            break;
        case DT_STRTAB:
            file.names = (const char *)address;
            break;
        case DT_RELA:
            tables[0] = (const ElfW(Rela) *)address;
            break;
        case DT_RELASZ:
            bytes[0] = dynamic->d_un.d_val;
            break;
        case DT_JMPREL:
            tables[1] = (const ElfW(Rela) *)address;
            break;
        case DT_PLTRELSZ:
            bytes[1] = dynamic->d_un.d_val;
            break;
        default:
            break;
        }
    }
    for (size_t at = 0; file.symbols != NULL && file.names != NULL && at < 2; at++) {
        if (tables[at] != NULL) {
            change_table(&file, tables[at], bytes[at]);
        }
    }
    return 0;
}

void others_attach(void)
{
    if (find_theirs()) {
        dl_iterate_phdr(change_file, (void *)rows);
    }
    for (size_t at = 0; at < MAX_OBJECTS && objects[at].file != NULL; at++) {
        trace_text(KIND_OBJECT, objects[at].functions, find_path(objects[at].file));
    }
}

bool others_define(const char *name)
{
    const struct row *row = row_named(name);
    /* Operators of C++ that are no allocator's call the functions of C. */
    return row != NULL && (row->theirs != NULL || strncmp(name, "_Z", 2) != 0);
}

void *others_instead_of(const char *name, const void *found)
{
    const struct row *row = row_of(name);
    return row != NULL && found == (const void *)row->theirs ? (void *)row->ours : NULL;
}
