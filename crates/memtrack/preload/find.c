#define _GNU_SOURCE
#include "find.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/auxv.h>

/* Of a version: another one is the default of its name. */
#define HIDDEN_VERSION 0x8000

extern ElfW(Dyn) _DYNAMIC[] __attribute__((visibility("hidden")));
extern struct r_debug _r_debug __attribute__((weak));

/* The tables of a file; addresses. */
struct tables {
    const ElfW(Sym) * symbols;
    const char *names;
    const uint32_t *gnu_hash;
    const uint32_t *hash;
    const uint16_t *versions;
};

/* A name and its two hashes. */
struct wanted {
    const char *name;
    uint32_t gnu_hash;
    uint32_t hash;
};

uintptr_t find_absolute(uintptr_t base, uintptr_t address)
{
    return address < base ? base + address : address;
}

/* The loader's list, as debuggers find it. */
static const struct link_map *list_of_program(void)
{
    const ElfW(Phdr) *headers = (const void *)getauxval(AT_PHDR);
    size_t count = getauxval(AT_PHNUM);
    uintptr_t base = 0;
    const ElfW(Dyn) *dynamic = NULL;
    for (size_t at = 0; headers != NULL && at < count; at++) {
        if (headers[at].p_type == PT_PHDR) {
            base = (uintptr_t)headers - headers[at].p_vaddr;
        } else if (headers[at].p_type == PT_DYNAMIC) {
            dynamic = (const ElfW(Dyn) *)(base + headers[at].p_vaddr);
        }
    }
    for (; dynamic != NULL && dynamic->d_tag != DT_NULL; dynamic++) {
        if (dynamic->d_tag == DT_DEBUG && dynamic->d_un.d_ptr != 0) {
            return ((const struct r_debug *)dynamic->d_un.d_ptr)->r_map;
        }
    }
    return NULL;
}

const struct link_map *find_first(void)
{
    if (&_r_debug != NULL && _r_debug.r_map != NULL) {
        return _r_debug.r_map;
    }
    return list_of_program();
}

const struct link_map *find_ourselves(void)
{
    const struct link_map *file = find_first();
    while (file != NULL && file->l_ld != _DYNAMIC) {
        file = file->l_next;
    }
    return file;
}

const char *find_path(const struct link_map *file)
{
    bool is_program = file->l_name == NULL || file->l_name[0] == 0;
    return is_program ? program_invocation_name : file->l_name;
}

static struct tables tables_of(const struct link_map *file)
{
    struct tables tables = {0};
    for (const ElfW(Dyn) *dynamic = file->l_ld; dynamic != NULL && dynamic->d_tag != DT_NULL; dynamic++) {
        const void *place = (const void *)find_absolute(file->l_addr, dynamic->d_un.d_ptr);
        switch (dynamic->d_tag) {
        case DT_SYMTAB:
            tables.symbols = place;
            break;
        case DT_STRTAB:
            tables.names = place;
            break;
        case DT_GNU_HASH:
            tables.gnu_hash = place;
            break;
        case DT_HASH:
            tables.hash = place;
            break;
        case DT_VERSYM:
            tables.versions = place;
            break;
        default:
            break;
        }
    }
    return tables;
}

/* Both hash functions of the ELF format. */
static struct wanted wanted_of(const char *name)
{
    struct wanted wanted = {.name = name, .gnu_hash = 5381, .hash = 0};
    for (const unsigned char *at = (const unsigned char *)name; *at != 0; at++) {
        wanted.gnu_hash = wanted.gnu_hash * 33 + *at;
        wanted.hash = (wanted.hash << 4) + *at;
        uint32_t high = wanted.hash & 0xf0000000;
        wanted.hash = (wanted.hash ^ high >> 24) & ~high;
    }
    return wanted;
}

static bool is_it(const struct tables *tables, uint32_t at, const struct wanted *wanted)
{
    const ElfW(Sym) *symbol = &tables->symbols[at];
    unsigned type = ELF64_ST_TYPE(symbol->st_info);
    return symbol->st_shndx != SHN_UNDEF && symbol->st_value != 0
           && (type == STT_NOTYPE || type == STT_OBJECT || type == STT_FUNC || type == STT_GNU_IFUNC)
           && ELF64_ST_BIND(symbol->st_info) != STB_LOCAL
           && (tables->versions == NULL || (tables->versions[at] & HIDDEN_VERSION) == 0)
           && strcmp(tables->names + symbol->st_name, wanted->name) == 0;
}

/* https://flapenguin.me/elf-dt-gnu-hash, and the generic ABI for the older table. 0: not there. */
static uint32_t look_up(const struct tables *tables, const struct wanted *wanted)
{
    if (tables->gnu_hash != NULL) {
        const uint32_t *table = tables->gnu_hash;
        uint32_t buckets = table[0];
        uint32_t first = table[1];
        uint32_t words = table[2];
        const ElfW(Addr) *bloom = (const ElfW(Addr) *)(table + 4);
        const uint32_t *bucket = (const uint32_t *)(bloom + words);
        const uint32_t *chain = bucket + buckets;
        uint32_t hash = wanted->gnu_hash;
        if (buckets == 0 || words == 0) {
            return 0;
        }
        ElfW(Addr) word = bloom[hash / 64 % words];
        if ((word >> hash % 64 & word >> (hash >> table[3]) % 64 & 1) == 0) {
            return 0;
        }
        for (uint32_t at = bucket[hash % buckets]; at >= first; at++) {
            uint32_t entry = chain[at - first];
            if ((entry | 1) == (hash | 1) && is_it(tables, at, wanted)) {
                return at;
            }
            if (entry & 1) {
                break;
            }
        }
        return 0;
    }
    if (tables->hash != NULL && tables->hash[0] != 0) {
        const uint32_t *bucket = tables->hash + 2;
        const uint32_t *chain = bucket + tables->hash[0];
        for (uint32_t at = bucket[wanted->hash % tables->hash[0]]; at != 0; at = chain[at]) {
            if (is_it(tables, at, wanted)) {
                return at;
            }
        }
    }
    return 0;
}

static void *look_into(const struct link_map *file, const struct wanted *wanted)
{
    struct tables tables = tables_of(file);
    if (tables.symbols == NULL || tables.names == NULL) {
        return NULL;
    }
    uint32_t at = look_up(&tables, wanted);
    if (at == 0) {
        return NULL;
    }
    const ElfW(Sym) *symbol = &tables.symbols[at];
    uintptr_t address = symbol->st_shndx == SHN_ABS ? symbol->st_value : file->l_addr + symbol->st_value;
    if (ELF64_ST_TYPE(symbol->st_info) == STT_GNU_IFUNC) {
        /* The file itself knows which of its functions it means. */
        address = ((uintptr_t(*)(unsigned long))address)(getauxval(AT_HWCAP));
    }
    return (void *)address;
}

void *find_in(const struct link_map *file, const char *name)
{
    struct wanted wanted = wanted_of(name);
    return file == NULL ? NULL : look_into(file, &wanted);
}

const struct link_map *find_libc(void)
{
    static _Atomic(const struct link_map *) known;
    const struct link_map *libc = atomic_load_explicit(&known, memory_order_relaxed);
    if (libc == NULL) {
        /* Who defines some of its functions comes before it. */
        struct wanted wanted = wanted_of("__libc_start_main");
        for (const struct link_map *file = find_first(); file != NULL; file = file->l_next) {
            libc = look_into(file, &wanted) == NULL ? libc : file;
        }
        atomic_store_explicit(&known, libc, memory_order_relaxed);
    }
    return libc;
}

void *find_from(const struct link_map *file, const char *name, const struct link_map **where)
{
    struct wanted wanted = wanted_of(name);
    for (; file != NULL; file = file->l_next) {
        void *found = look_into(file, &wanted);
        if (found != NULL) {
            if (where != NULL) {
                *where = file;
            }
            return found;
        }
    }
    return NULL;
}

void *find_next(const char *name, const struct link_map **where)
{
    const struct link_map *ourselves = find_ourselves();
    return ourselves == NULL ? NULL : find_from(ourselves->l_next, name, where);
}
