/* Aligned, zeroed memory. */
#include <stdlib.h>
#include <string.h>
#include <weightflow/base.h>

enum { ALIGNMENT = 64 };

void *wf_calloc(size_t count, size_t size)
{
  if (size && count > (SIZE_MAX - ALIGNMENT) / size) return NULL;
  size_t bytes = (count * size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  if (!bytes) bytes = ALIGNMENT;
  void *memory = aligned_alloc(ALIGNMENT, bytes);
  if (memory) memset(memory, 0, bytes);
  return memory;
}

void wf_free(void *memory) { free(memory); }
