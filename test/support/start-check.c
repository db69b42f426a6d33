/* For test/native/start.test.ts: what a program sees of its start. Prints what it was asked for. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <time.h>
#include <unistd.h>

static int told;
static void tell(const char *what) {
  if (told) puts(what);
}
static void say(const char *when, int argc, char **argv, char **envp) {
  told = argc > 1 && strcmp(argv[1], "order") == 0;
  if (told) printf("%s %d %s\n", when, argc, envp == environ ? "environ" : "another");
}

static void before(int argc, char **argv, char **envp) { say("preinit", argc, argv, envp); }
typedef void initializer(int, char **, char **);
__attribute__((section(".preinit_array"), used)) static initializer *const preinit = before;
__attribute__((constructor(101))) static void first(int argc, char **argv, char **envp) {
  say("first constructor", argc, argv, envp);
}
__attribute__((constructor(102))) static void second(int argc, char **argv, char **envp) {
  say("second constructor", argc, argv, envp);
}
__attribute__((destructor(102))) static void penultimate(void) { tell("second destructor"); }
__attribute__((destructor(101))) static void last(void) { tell("first destructor"); }
static void at_exit(void) { puts("atexit"); }

static uintptr_t at_fs(int offset) {
  uintptr_t value;
  __asm__ volatile("mov %%fs:(%1), %0" : "=r"(value) : "r"((long)offset));
  return value;
}

/* The guards, and what they are made of. */
static int guards(void) {
  const uintptr_t *random = (const uintptr_t *)getauxval(AT_RANDOM);
  printf("%016lx %016lx\n%016lx %016lx\n", at_fs(0x28), at_fs(0x30), random[0], random[1]);
  return 0;
}

__attribute__((noinline)) static void copy(const char *from) {
  char small[16];
  memcpy(small, from, strlen(from) + 1);
  __asm__ volatile("" : : "r"(small) : "memory");
}

static jmp_buf back;
static int jump(void) {
  volatile int jumps = 0;
  /* longjmp() turns around what setjmp() turned, by the guard of pointers. */
  if (setjmp(back) < 3) longjmp(back, ++jumps);
  printf("%d jumps, saved as is: %d\n", jumps,
         (uintptr_t)back[0].__jmpbuf[7] < (uintptr_t)1 << 47);
  return 0;
}

static __thread int initialized = 42;
static __thread int zero;
static pthread_barrier_t barrier;
static void *thread(void *number) {
  zero += (int)(intptr_t)number;
  initialized += zero;
  errno = zero;
  pthread_barrier_wait(&barrier);
  return (void *)(intptr_t)(initialized == 42 + zero && errno == zero);
}
static int threads(void) {
  enum { COUNT = 8 };
  pthread_t all[COUNT];
  int good = 0;
  errno = 7;
  pthread_barrier_init(&barrier, NULL, COUNT);
  for (intptr_t i = 0; i < COUNT; i++) {
    if (pthread_create(&all[i], NULL, thread, (void *)(i + 100)) != 0) return 1;
  }
  for (int i = 0; i < COUNT; i++) {
    void *result;
    if (pthread_join(all[i], &result) != 0) return 1;
    good += result != NULL;
  }
  printf("%d good, here %d %d %d\n", good, initialized, zero, errno);
  return 0;
}

static void *later(void *main_thread) {
  pthread_join(*(pthread_t *)main_thread, NULL);
  puts("after the first thread");
  return NULL;
}
static void cleaned(void *text) { puts(text); }
static int leave(void) {
  static pthread_t self, other;
  self = pthread_self();
  if (pthread_create(&other, NULL, later, &self) != 0) return 1;
  pthread_cleanup_push(cleaned, "cleaned up");
  pthread_exit(NULL);
  pthread_cleanup_pop(0);
}

/* Sizes around what the copies decide by: 16, 32, ... 128, a page, and 64 MiB. */
static unsigned char *from, *to;
static void fill(unsigned char *at, size_t size, unsigned seed) {
  for (size_t i = 0; i < size; i++) at[i] = (unsigned char)(seed += 0x9e3779b1u >> (i & 7));
}
static int equal(const unsigned char *a, const unsigned char *b, size_t size) {
  for (size_t i = 0; i < size; i++)
    if (a[i] != b[i]) return 0;
  return 1;
}
static int one_size(size_t size, size_t source, size_t target, size_t step) {
  const size_t edge = 64;
  unsigned char *a = from + edge + source, *b = to + edge + target;
  memset(to, 0xee, edge + target);
  memset(b + size, 0xee, edge);
  if (memcpy(b, a, size) != b || !equal(a, b, size)) return 0;
  for (size_t i = 0; i < edge; i++)
    if (b[size + i] != 0xee || b[-1 - (long)i] != 0xee) return 0;
  /* Both ways over itself, by less than a vector and by more. */
  for (size_t by = 1; by <= 49; by += step) {
    memcpy(b, a, size);
    memmove(b + by, b, size);
    if (!equal(b + by, a, size)) return 0;
    memmove(b, b + by, size);
    if (!equal(b, a, size)) return 0;
  }
  if (memcmp(a, b, size) != 0) return 0;
  memset(b, 0x5a, size);
  for (size_t i = 0; i < size; i++)
    if (b[i] != 0x5a) return 0;
  b[size] = 0;
  if (memchr(b, 0, size + 1) != b + size || strlen((char *)b) != size) return 0;
  return 1;
}
static int memory(void) {
  const size_t most = ((size_t)64 << 20) + 4096 + 512;
  from = malloc(most);
  to = malloc(most);
  if (from == NULL || to == NULL) return 1;
  fill(from, most, 1);
  for (size_t size = 0; size <= 600; size++) {
    for (size_t source = 0; source < 17; source += 3) {
      for (size_t target = 0; target < 17; target += 5) {
        if (!one_size(size, source, target, 16)) return printf("wrong: %zu\n", size), 1;
      }
    }
  }
  const size_t around[] = {2048, 4096, 8192, 16384, 32768, 0xc0000, 1 << 20};
  for (size_t i = 0; i < sizeof around / sizeof *around; i++) {
    for (long by = -1; by <= 1; by++) {
      const size_t size = around[i] + (size_t)by;
      if (!one_size(size, 3, 0, 16) || !one_size(size, 0, 0, 48)) {
        return printf("wrong: %zu\n", size), 1;
      }
    }
  }
  /* From here on past the caches. */
  for (size_t size = (64 << 20) - 1; size <= (64 << 20) + 1; size += 2) {
    if (!one_size(size, 3, 0, 49)) return printf("wrong: %zu\n", size), 1;
  }
  puts("right");
  return 0;
}

static int misc(void) {
  struct timespec now;
  printf("%ld of %lu\n", sysconf(_SC_MINSIGSTKSZ), getauxval(AT_MINSIGSTKSZ));
  printf("%s %d\n", program_invocation_short_name, clock_gettime(CLOCK_MONOTONIC, &now));
  printf("%ld %d\n", sysconf(_SC_PAGESIZE), strcasecmp("TSRUN", "tsrun"));
  return 0;
}

/* What a program with more rights than its caller does for its safety. */
static int secure(void) {
  printf("secure %lu, HOME %s\n", getauxval(AT_SECURE), secure_getenv("HOME") ? "told" : "kept");
  printf("LD_PRELOAD %s, GLIBC_TUNABLES %s\n", getenv("LD_PRELOAD") ? "there" : "removed",
         getenv("GLIBC_TUNABLES") ? "there" : "removed");
  for (int fd = 0; fd <= 2; fd++) {
    char path[64], target[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    const ssize_t length = readlink(path, target, sizeof target - 1);
    if (length >= 0) target[length] = 0;
    printf("%d %s\n", fd, length < 0 ? "closed" : target[0] == '/' ? target : "open");
  }
  return 0;
}

int main(int argc, char **argv, char **envp) {
  const char *what = argc > 1 ? argv[1] : "";
  if (strcmp(what, "order") == 0) {
    setbuf(stdout, NULL);
    say("main", argc, argv, envp);
    for (int i = 1; i < argc; i++) puts(argv[i]);
    for (char **each = environ; *each != NULL; each++) puts(*each);
    atexit(at_exit);
    return 37;
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (strcmp(what, "guards") == 0) return guards();
  if (strcmp(what, "smash") == 0) return copy(argv[2]), 0;
  if (strcmp(what, "jump") == 0) return jump();
  if (strcmp(what, "threads") == 0) return threads();
  if (strcmp(what, "leave") == 0) return leave();
  if (strcmp(what, "memory") == 0) return memory();
  if (strcmp(what, "misc") == 0) return misc();
  if (strcmp(what, "secure") == 0) {
    /* Where the answer goes, since 0 to 2 are what is asked about. */
    const int fd = open(argv[2], O_WRONLY | O_TRUNC | O_CLOEXEC);
    if (fd < 0) return 2;
    FILE *file = fdopen(fd, "w");
    if (file == NULL) return 2;
    stdout = file;
    setvbuf(stdout, NULL, _IOLBF, 0);
    return secure();
  }
  return 99;
}
