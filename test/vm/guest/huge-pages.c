// huge-pages N: uses N pages of 2 MiB one after another, none of them reserved, and counts them.

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define PAGE (2UL << 20)

int main(int argc, char **argv) {
  const unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_NORESERVE;
  char *pages = mmap(NULL, count * PAGE, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (pages == MAP_FAILED) {
    perror("mmap");
    return 1;
  }
  for (unsigned long i = 0; i < count; i++) {
    ((volatile char *)pages)[i * PAGE] = 1;
    printf("%lu\n", i + 1);
    fflush(stdout);
  }
  return 0;
}
