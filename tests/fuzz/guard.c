/* Memory for NumPy's arrays in which each touches a page that nobody may touch.
 *
 * One room of addresses is reserved without access. An array gets whole pages of it; the pages before and after stay
 * closed. It lies at the end of its pages, or at their beginning: then one step too far, or one too early, is a
 * segmentation fault. What is freed is closed for good, so that a use after it faults too. */

#define _GNU_SOURCE
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096 };
static const size_t ROOM = (size_t)1 << 40;

typedef struct { /* as numpy/ndarraytypes.h has it */
    void *context;
    void *(*allocate)(void *, size_t);
    void *(*allocate_zeros)(void *, size_t, size_t);
    void *(*resize)(void *, void *, size_t);
    void (*release)(void *, void *, size_t);
} Allocator;

typedef struct {
    char name[127];
    uint8_t version;
    Allocator allocator;
} Handler;

static char *room;
static uint32_t *pages; /* of the array that begins at a page */
static _Atomic size_t next = 1;
static _Atomic size_t given = 0;
static int at_end;
static Allocator before;

static int ours(const void *array) { return (const char *)array >= room && (const char *)array < room + ROOM; }

static void *take(size_t size, int fill)
{
    if (size == 0) size = 1;
    size_t count = (size + PAGE - 1) / PAGE, first = atomic_fetch_add(&next, count + 1);
    char *start = room + first * PAGE;
    /* The kernel counts stretches of pages: when it grants no more, or the room is full, the array goes unguarded. */
    if (first + count + 1 > ROOM / PAGE || mprotect(start, count * PAGE, PROT_READ | PROT_WRITE)) return NULL;
    pages[first] = (uint32_t)count;
    atomic_fetch_add(&given, 1);
    if (fill) memset(start, 0xFF, count * PAGE); /* NaN: what is read before it was written shows */
    return at_end ? start + count * PAGE - size : start;
}

static void *allocate(void *context, size_t size)
{
    void *array = take(size, 1);
    return array ? array : before.allocate(context, size);
}

static void *allocate_zeros(void *context, size_t number, size_t size)
{
    void *array = take(number * size, 0);
    return array ? array : before.allocate_zeros(context, number, size);
}

static void release(void *context, void *array, size_t size)
{
    if (!ours(array)) {
        before.release(context, array, size);
        return;
    }
    size_t first = (size_t)((char *)array - room) / PAGE, length = (size_t)pages[first] * PAGE;
    madvise(room + first * PAGE, length, MADV_DONTNEED);
    mprotect(room + first * PAGE, length, PROT_NONE);
}

static void *resize(void *context, void *array, size_t size)
{
    if (!ours(array)) return before.resize(context, array, size);
    size_t first = (size_t)((char *)array - room) / PAGE;
    size_t held = (size_t)(room + (first + pages[first]) * PAGE - (char *)array);
    void *other = allocate(context, size);
    if (other) memcpy(other, array, held < size ? held : size);
    if (other) release(context, array, held);
    return other;
}

/* Put guarded memory in the place of a handler's, for every thread. Return 0, or -1 where there is no room. */
int guard_install(Handler *handler, int end)
{
    int how = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    room = mmap(NULL, ROOM, PROT_NONE, how, -1, 0);
    pages = mmap(NULL, ROOM / PAGE * sizeof *pages, PROT_READ | PROT_WRITE, how, -1, 0);
    if (room == MAP_FAILED || pages == MAP_FAILED) return -1;
    at_end = end;
    before = handler->allocator;
    handler->allocator = (Allocator){before.context, allocate, allocate_zeros, resize, release};
    return 0;
}

size_t guard_count(void) { return given; }
