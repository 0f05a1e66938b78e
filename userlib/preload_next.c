// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The functions that this library stands before, found without dlsym(3)
 *
 * dlsym() is one of them. And it is not for those who call early or in a signal
 * handler: an allocator that asks syscall() for something is called by the loader
 * before any constructor, and the runtimes of sanitizers replace strcmp(),
 * dl_iterate_phdr() and more by functions that can't be called before their own
 * start. So this reads what the loader keeps for debuggers, and calls nobody.
 */
#include <elf.h>
#include <link.h>
#include <stddef.h>
#include <stdint.h>

#include "preload.h"

/* Set in a version: only who asks for this very version gets the symbol. */
#define VERSION_HIDDEN 0x8000

/* Of this size. */
#define elf_sym ElfW(Sym)
#define elf_dyn ElfW(Dyn)

extern hidden elf_dyn _DYNAMIC[];

#ifdef __GLIBC__
#define debug_of_loader (&_r_debug)
#else
extern struct r_debug *_dl_debug_addr;
#define debug_of_loader _dl_debug_addr
#endif

struct symbols {
	const elf_sym *symbol;
	const char *names;
	const uint16_t *versions;
	const uint32_t *gnu_hash;
	const uint32_t *hash;
};

bool loaded_same(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

/* Some loaders leave addresses as they are in the file, glibc's in the vDSO alone. */
static const void *loaded_at(const struct link_map *map, ElfW(Addr) address)
{
	return (const void *)(address < map->l_addr ? address + map->l_addr : address);
}

static bool read_symbols(const struct link_map *map, struct symbols *symbols)
{
	const elf_dyn *entry;

	*symbols = (struct symbols){};
	if (!map->l_ld)
		return false;
	for (entry = map->l_ld; entry->d_tag != DT_NULL; entry++) {
		const void *at = loaded_at(map, entry->d_un.d_ptr);

		switch (entry->d_tag) {
		case DT_SYMTAB:
			symbols->symbol = at;
			break;
		case DT_STRTAB:
			symbols->names = at;
			break;
		case DT_VERSYM:
			symbols->versions = at;
			break;
		case DT_GNU_HASH:
			symbols->gnu_hash = at;
			break;
		case DT_HASH:
			symbols->hash = at;
			break;
		}
	}
	return symbols->symbol && symbols->names;
}

static void *defined(const struct link_map *map, const struct symbols *symbols, uint32_t i,
		     const char *name)
{
	const elf_sym *symbol = &symbols->symbol[i];

	/* The lower four bits are the type, in both sizes. */
	if (symbol->st_shndx == SHN_UNDEF || (symbol->st_info & 0xf) != STT_FUNC ||
	    (symbols->versions && symbols->versions[i] & VERSION_HIDDEN) ||
	    !loaded_same(symbols->names + symbol->st_name, name))
		return NULL;
	return (void *)(map->l_addr + symbol->st_value);
}

static void *find_gnu(const struct link_map *map, const struct symbols *symbols, const char *name)
{
	const uint32_t *table = symbols->gnu_hash;
	uint32_t buckets = table[0], first = table[1], words = table[2];
	const uint32_t *bucket = table + 4 + words * (sizeof(void *) / sizeof(*table));
	const uint32_t *chain = bucket + buckets;
	uint32_t hash = 5381, i;
	void *found = NULL;

	for (const char *p = name; *p; p++)
		hash = hash * 33 + (unsigned char)*p;
	i = buckets ? bucket[hash % buckets] : 0;
	if (i < first || !i)
		return NULL;
	do {
		if ((chain[i - first] | 1) == (hash | 1))
			found = defined(map, symbols, i, name);
		/* The last one of a bucket has an odd hash. */
	} while (!found && !(chain[i++ - first] & 1));
	return found;
}

/* The function @name that this object has for those who don't name a version, or NULL. */
void *loaded_symbol(const struct link_map *map, const char *name)
{
	struct symbols symbols;
	void *found = NULL;

	if (!read_symbols(map, &symbols))
		return NULL;
	if (symbols.gnu_hash)
		return find_gnu(map, &symbols, name);
	/* The second word of the older table is the number of symbols. */
	for (uint32_t i = 1; symbols.hash && !found && i < symbols.hash[1]; i++)
		found = defined(map, &symbols, i, name);
	return found;
}

struct link_map *loaded_first(void)
{
	return debug_of_loader->r_map;
}

/* This library, NULL if it is in no list that can be seen. */
struct link_map *loaded_self(void)
{
	struct link_map *map = loaded_first();

	while (map && map->l_ld != _DYNAMIC)
		map = map->l_next;
	return map;
}

/**
 * loaded_next() - what would be called if this library weren't there
 * @name: a function that it has too
 *
 * Return: the function, or NULL. Takes no lock and changes no errno.
 */
void *loaded_next(const char *name)
{
	struct link_map *self = loaded_self(), *map;
	void *found = NULL;

	for (map = self ? self->l_next : NULL; map && !found; map = map->l_next)
		found = loaded_symbol(map, name);
	/* Who links with this library may have it behind the C library. */
	for (map = loaded_first(); map && map != self && !found; map = map->l_next)
		found = loaded_symbol(map, name);
	return found;
}
