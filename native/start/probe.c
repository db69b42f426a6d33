// A program that holds both starts, that of the C library and start.cc, runs the one that is asked
// for and writes down what it has left behind: accept.mjs compares.
//
//   probe glibc|own SCENARIO      writes the dump to descriptor 9
//
// It begins before either start, on a stack of its own whose words, environment and auxiliary
// vector it makes, so that both find the same. CPUID in the C library's start is an invalid
// instruction here (accept.mjs), answered below as by a processor of which nothing is known.
//
// Nothing may call the C library before main(): compiled without builtins and stack protector.

#define _GNU_SOURCE
#include <elf.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

typedef unsigned long word;
enum { DUMP = 9, TLS_END = 0x1000 };

extern void probe_entry(void);
extern void glibc_start_main(void), own_start_main(void);
void* probe_start = glibc_start_main;
word probe_at_end;

// The words, environment and auxiliary vector that the start finds. Before them is what it uses as
// its stack, which is not compared.
static struct {
  char maps[1 << 16];
  char below[1 << 17];
  word argc;
  const char* argv[3];
  const char* env[4];
  Elf64_auxv_t auxv[64];
  word random[2];
  char platform[16], name[16], scenario[16], envText[3][80];
} stack __attribute__((aligned(4096)));

static word call(long number, word a, word b, word c, word d) {
  word result;
  register word r10 __asm__("r10") = d;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
                   : "rcx", "r11", "memory");
  return result;
}
static word length(const char* text) {
  word n = 0;
  while (text[n] != 0) n++;
  return n;
}
static int same(const char* a, const char* b) {
  while (*a != 0 && *a == *b) a++, b++;
  return *a == *b;
}
static const char* copy(char* to, const char* from) {
  for (word i = 0; (to[i] = from[i]) != 0; i++) continue;
  return to;
}
static void say(const char* text) { call(SYS_write, 1, (word)text, length(text), 0); }

// CPUID of a processor whose maker has no name, and no leaf but 0.
static void answer(int signal, siginfo_t* info, void* context) {
  (void)signal, (void)info;
  greg_t* at = ((ucontext_t*)context)->uc_mcontext.gregs;
  const unsigned char* code = (const unsigned char*)at[REG_RIP];
  if (code[0] != 0x0f || code[1] != 0x0b) call(SYS_exit_group, 98, 0, 0, 0);
  at[REG_RAX] = at[REG_RBX] = at[REG_RCX] = at[REG_RDX] = 0;
  at[REG_RIP] += 2;
}
void probe_restorer(void);
__asm__(
    "probe_restorer: mov $15, %eax\n syscall\n"
    ".globl probe_entry\n"
    "probe_entry: mov %rsp, %rdi\n and $-16, %rsp\n call probe_prepare\n mov %rax, %rsp\n"
    "mov probe_at_end(%rip), %rdx\n jmp _start\n"
    ".globl __libc_start_main\n"
    "__libc_start_main: jmp *probe_start(%rip)\n"
    // What _init() and _fini() are made of.
    ".pushsection .init, \"ax\"\n push %rax\n lea init_text(%rip), %rdi\n call probe_order\n pop "
    "%rax\n"
    ".popsection\n"
    ".pushsection .fini, \"ax\"\n push %rax\n lea fini_text(%rip), %rdi\n call probe_say\n pop "
    "%rax\n"
    ".popsection\n"
    ".pushsection .rodata\n init_text: .asciz \"init\"\n fini_text: .asciz "
    "\"fini\\n\"\n.popsection\n");

static char order[256];
void probe_say(const char* text) { say(text); }
void probe_order(const char* text) {
  copy(order + length(order), text);
  copy(order + length(order), " ");
}

static int scenario(const char* name) { return same(stack.scenario, name); }
static void at_end(void) { say("at end\n"); }

word* probe_prepare(word* kernel) {
  const char** argv = (const char**)kernel + 1;
  const char** env = argv + kernel[0] + 1;
  while (*env != NULL) env++;
  const Elf64_auxv_t* from = (const Elf64_auxv_t*)(env + 1);
  if (kernel[0] != 3) call(SYS_exit_group, 97, 0, 0, 0);
  if (same(argv[1], "own")) probe_start = own_start_main;
  copy(stack.scenario, argv[2]);

  stack.argc = 2;
  stack.argv[0] = copy(stack.name, "./probe");
  stack.argv[1] = stack.scenario;
  stack.env[0] = copy(stack.envText[0], "A=1");
  stack.env[1] = copy(stack.envText[1], "LD_LIBRARY_PATH=/a:/b");
  stack.env[2] =
      copy(stack.envText[2], scenario("tunables")
                                 ? "GLIBC_TUNABLES=glibc.malloc.arena_max=3:glibc.pthread.rseq=0"
                                 : "GLIBC_TUNABLES=glibc.malloc.arena_test=5");
  stack.random[0] = scenario("random") ? 0xfedcba9876543210 : 0x1122334455667788;
  stack.random[1] = scenario("random") ? 0x0f1e2d3c4b5a6978 : 0x99aabbccddeeff01;
  copy(stack.platform, "x86_64");
  if (scenario("at-end")) probe_at_end = (word)at_end;
  Elf64_auxv_t* to = stack.auxv;
  for (;; from++) {
    if (from->a_type == AT_MINSIGSTKSZ && scenario("old-kernel")) continue;
    *to = *from;
    if (from->a_type == AT_NULL) break;
    if (from->a_type == AT_RANDOM) to->a_un.a_val = (word)stack.random;
    if (from->a_type == AT_PLATFORM) to->a_un.a_val = (word)stack.platform;
    if (from->a_type == AT_EXECFN) to->a_un.a_val = (word)stack.name;
    if (from->a_type == AT_SECURE && scenario("secure")) to->a_un.a_val = 1;
    if (++to == stack.auxv + 63) call(SYS_exit_group, 97, 0, 0, 0);
  }
  if (scenario("secure")) {
    for (word fd = 0; fd < 3; fd++) call(SYS_close, fd, 0, 0, 0);
  }
  if (scenario("closed")) call(SYS_close, 0, 0, 0, 0);
  if (scenario("memory")) {
    const struct {
      word now, most;
    } limit = {64 << 10, 64 << 10};
    call(SYS_prlimit64, 0, 9 /* RLIMIT_AS */, (word)&limit, 0);
  }
  const struct {
    void (*handler)(int, siginfo_t*, void*);
    word flags;
    void (*restorer)(void);
    word mask;
  } action = {answer, SA_SIGINFO | 0x04000000, probe_restorer, 0};
  call(SYS_rt_sigaction, SIGILL, (word)&action, 0, 8);
  return &stack.argc;
}

static void before(int argc, char** argv, char** env) {
  probe_order(argc == 2 && argv == (char**)stack.argv && env == (char**)stack.env ? "preinit"
                                                                                  : "preinit?");
}
typedef void initializer(int, char**, char**);
__attribute__((section(".preinit_array"), used)) static initializer* const preinit = before;
__attribute__((constructor(101))) static void first(int argc, char** argv, char** env) {
  probe_order(argc == 2 && argv == (char**)stack.argv && env == (char**)stack.env ? "first"
                                                                                  : "first?");
}
__attribute__((constructor(102))) static void second(void) { probe_order("second"); }
__attribute__((destructor(102))) static void penultimate(void) { say("second destructor\n"); }
__attribute__((destructor(101))) static void last(void) { say("first destructor\n"); }
static void at_exit(void) { say("atexit\n"); }
static __thread int initialized = 42;
static __thread int zero;

static struct {
  word argc, argv, env, fs, tid, rseqOffset, robust, robustSize, tidAddress;
  unsigned mxcsr;
  unsigned short control;
  int tls[2];
  char fds[3][64];
} found;
extern const ptrdiff_t __rseq_offset __attribute__((weak));

static void put(const void* from, word size) {
  for (word done = 0, n; done < size; done += n) {
    n = call(SYS_write, DUMP, (word)from + done, size - done, 0);
    if ((long)n <= 0) call(SYS_exit_group, 96, 0, 0, 0);
  }
}

// Everything of this program that can be read and is not code, as /proc/self/maps has it.
static void dump(void) {
  const word fd = call(SYS_open, (word) "/proc/self/maps", 0, 0, 0);
  if ((long)fd < 0) call(SYS_exit_group, 95, 0, 0, 0);
  char* maps = stack.maps;
  word size = 0, n;
  while ((n = call(SYS_read, fd, (word)maps + size, sizeof stack.maps - size, 0)) > 0) {
    if ((long)n < 0) call(SYS_exit_group, 95, 0, 0, 0);
    size += n;
  }
  call(SYS_close, fd, 0, 0, 0);
  found.tid = call(SYS_gettid, 0, 0, 0, 0);
  const word header[] = {size,      (word)&stack, (word)&stack.argc,
                         found.tid, found.fs,     found.rseqOffset};
  put(header, sizeof header);
  put(maps, size);
  for (word at = 0; at < size; at++) {
    word from = 0, to = 0;
    for (; maps[at] != '-'; at++)
      from = from * 16 + (word)(maps[at] <= '9' ? maps[at] - '0' : maps[at] - 'a' + 10);
    for (at++; maps[at] != ' '; at++)
      to = to * 16 + (word)(maps[at] <= '9' ? maps[at] - '0' : maps[at] - 'a' + 10);
    const int wanted = maps[at + 1] == 'r' && maps[at + 3] == '-';
    int special = 0;
    for (; maps[at] != '\n'; at++) {
      if (maps[at] == '[') special = maps[at + 1] != 'h';
    }
    if (!wanted || special) continue;
    put(&from, 8);
    put(&to, 8);
    put((const void*)from, to - from);
  }
}

static void* later(void* main_thread) {
  pthread_join(*(pthread_t*)main_thread, NULL);
  say("after the first thread\n");
  return NULL;
}
static __thread int* value;
static pthread_key_t key;
static void cleared(void* text) { say(text); }
static void* waiting(void* never) { return pause(), never; }

int main(int argc, char** argv, char** env) {
  found.argc = (word)argc;
  found.argv = (word)argv;
  found.env = (word)env;
  found.tls[0] = initialized++;
  found.tls[1] = zero++;
  __asm__ volatile("mov %%fs:0, %0\n stmxcsr %1\n fnstcw %2"
                   : "=r"(found.fs), "=m"(found.mxcsr), "=m"(found.control));
  if (&__rseq_offset != NULL) found.rseqOffset = (word)__rseq_offset;
  call(SYS_get_robust_list, 0, (word)&found.robust, (word)&found.robustSize, 0);
  call(SYS_prctl, PR_GET_TID_ADDRESS, (word)&found.tidAddress, 0, 0);
  static char path[] = "/proc/self/fd/0";
  for (int fd = 0; fd < 3; fd++) {
    path[14] = (char)('0' + fd);
    call(SYS_readlink, (word)path, (word)found.fds[fd], 63, 0);
    // The number of a pipe or socket is another each time.
    int cut = 0;
    for (int i = 0; i < 64; i++) {
      if (found.fds[fd][i] == ':') cut = 1;
      if (cut) found.fds[fd][i] = 0;
    }
  }
  dump();
  const struct {
    word handler, flags, restorer, mask;
  } none = {0, 0, 0, 0};
  call(SYS_rt_sigaction, SIGILL, (word)&none, 0, 8);
  atexit(at_exit);
  if (scenario("last-thread")) {
    static pthread_t self, other;
    self = pthread_self();
    if (pthread_key_create(&key, cleared) != 0) return 1;
    pthread_setspecific(key, "cleared\n");
    if (pthread_create(&other, NULL, later, &self) != 0) return 1;
    pthread_exit(value);
  }
  // Still one thread more: the process goes on until that one ends.
  if (scenario("more-threads")) {
    static pthread_t other;
    if (pthread_create(&other, NULL, waiting, NULL) != 0) return 1;
    signal(SIGALRM, _exit);
    ualarm(200000, 0);
    pthread_exit(value);
  }
  return 37;
}
