// The C library's start without CPUID.
//
// A static program of glibc asks the processor about 28 times what it is, to choose
// among its copies of memcpy() and the like, before main(). In a virtual machine every
// CPUID leaves it: 0.2 ms here, more than a quarter of `tsrun state`. This is what
// libc-start.o of glibc 2.41 for x86-64 does, in the same order, where it does not know
// the maker of the processor: memcpy() is then the one for SSE2.
//
// It takes the place of libc-start.o, whose inner names it uses: the build compares what
// both leave behind, and takes this one only if they agree (README.md).
//
// Nothing here may have a stack protector before the guard is there, nor call memcpy()
// before the IRELATIVE relocations.

#include <elf.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "../child/sys.h"

using Function = void (*)();
using Initializer = void (*)(int, char**, char**);

extern "C" {

// Of the linker.
extern const Elf64_Rela __rela_iplt_start[];
extern const Elf64_Rela __rela_iplt_end[];
extern const Initializer __preinit_array_start[];
extern const Initializer __preinit_array_end[];
extern const Initializer __init_array_start[];
extern const Initializer __init_array_end[];
extern const Function __fini_array_start[];
extern const Function __fini_array_end[];
void _init();
void _fini();

// Of other objects of libc.a.
extern void* __libc_stack_end;
extern int __libc_enable_secure;
extern const uintptr_t* _dl_random;
extern uint64_t _dl_hwcap;
extern size_t _dl_minsigstacksize;
extern uint32_t _dl_x86_cpu_features[0x210 / 4];
extern Function _dl_x86_64_runtime_resolve;
extern unsigned __nptl_nthreads;
void _dl_runtime_resolve_fxsave();
void _dl_aux_init(Elf64_auxv_t*);
void __tunables_init(char**);
void _dl_relocate_static_pie();
void __libc_setup_tls();
void __libc_early_init(bool);
void __libc_init_first(int, char**, char**);
void __libc_check_standard_fds();
void* _dl_debug_initialize(uintptr_t, long);
void __nptl_deallocate_tsd();
int __cxa_atexit(void (*)(void*), void*, void*);
void __pthread_register_cancel(__pthread_unwind_buf_t*);
[[noreturn]] void __libc_fatal(const char*);

// What libc-start.o defines for the rest of libc.a, with the values that glibc has where it
// knows neither the processor nor its caches. Of them the copies for SSE2 look at the sizes
// from which on they go past the caches.
[[gnu::visibility("hidden")]] long __x86_data_cache_size = 32 << 10;
[[gnu::visibility("hidden")]] long __x86_data_cache_size_half = 16 << 10;
[[gnu::visibility("hidden")]] long __x86_shared_cache_size = 1 << 20;
[[gnu::visibility("hidden")]] long __x86_shared_cache_size_half = 512 << 10;
[[gnu::visibility("hidden")]] long __x86_shared_non_temporal_threshold = 64 << 20;
[[gnu::visibility("hidden")]] long __x86_memset_non_temporal_threshold = -1;  // never: unsigned
[[gnu::visibility("hidden")]] long __x86_rep_movsb_threshold = 2048;
[[gnu::visibility("hidden")]] long __x86_rep_movsb_stop_threshold = 64 << 20;
[[gnu::visibility("hidden")]] long __x86_rep_stosb_threshold = -1;
[[gnu::visibility("hidden")]] int __x86_string_control = 0;
[[gnu::visibility("hidden")]] size_t _dl_x86_features_tlsdesc_state_size = 0;

// In the place of that of dl-origin.o, which reads /proc/self/exe for $ORIGIN in the paths of
// shared libraries: not known, which the rest of libc.a knows how to take.
[[gnu::visibility("hidden")]] const char* _dl_get_origin() {
  return reinterpret_cast<const char*>(-1);
}

}  // extern "C"

namespace {

// What tells from outside that it is this start, to bench/ and the tests: not loaded.
asm(R"(.pushsection .tsrun.start, "", @progbits
.asciz "started without CPUID"
.popsection)");

// As glibc does for a processor of a maker that it does not know: no features.
void setFeatures() {
  constexpr size_t kKind = 0;
  constexpr size_t kPreferred = 0x154 / sizeof(uint32_t);
  _dl_x86_cpu_features[kKind] = 5;  // arch_kind_other
  // Avoid_Non_Temporal_Memset, and what is set where there is no SSSE3.
  _dl_x86_cpu_features[kPreferred] = 1U << 17 | 1U << 18;
  // Twenty sizes of caches, each 64 bits: not known, but for those at which memcpy() and memset()
  // change their way.
  constexpr size_t kSizes = 0x170 / sizeof(uint32_t);
  for (size_t i = 0; i < 40; i++) _dl_x86_cpu_features[kSizes + i] = 0xffffffff;
  const auto set = [](size_t size, uint32_t value) {
    _dl_x86_cpu_features[kSizes + 2 * size] = value;
    _dl_x86_cpu_features[kSizes + 2 * size + 1] = 0;
  };
  set(2, 64 << 20);
  set(4, 2048);
  set(5, 64 << 20);
  set(19, 4);
  _dl_hwcap = 2;  // HWCAP_X86_64
  _dl_x86_64_runtime_resolve = _dl_runtime_resolve_fxsave;
  // Linux tells since 5.14. The kernels before it know no state larger than that of AVX-512.
  if (_dl_minsigstacksize == 0) _dl_minsigstacksize = 4096;
}

// What the C library takes until main(). Without it (RLIMIT_AS, RLIMIT_DATA) that ends with the
// status 127, which means a program that is not there. Raw system calls: there is no errno yet.
void requireMemory() {
  constexpr long kTaken = 192 << 10;
  static constexpr char kText[] = "tsrun: cannot start: cannot allocate memory\n";
  const long at = tsrun::sys::call(SYS_mmap, 0, kTaken, PROT_READ | PROT_WRITE,
                                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at > -4096 && at < 0) {
    tsrun::sys::call(SYS_write, 2, tsrun::sys::arg(kText), sizeof kText - 1);
    tsrun::sys::call(SYS_exit_group, 1);
  }
  tsrun::sys::call(SYS_munmap, at, kTaken);
}

void relocate() {
  for (const Elf64_Rela* entry = __rela_iplt_start; entry < __rela_iplt_end; entry++) {
    if (ELF64_R_TYPE(entry->r_info) != R_X86_64_IRELATIVE) {
      __libc_fatal("Unexpected reloc type in static binary.\n");
    }
    const auto choose = reinterpret_cast<uintptr_t (*)()>(entry->r_addend);
    *reinterpret_cast<uintptr_t*>(entry->r_offset) = choose();
  }
}

// From the 16 random bytes that the kernel gives to each program. The guard of the stack has
// a first byte of zero, so that no string is copied over it.
void setStackGuard() {
  const uintptr_t guard = _dl_random[0] & ~uintptr_t{0xff};
  asm volatile("mov %0, %%fs:0x28" : : "r"(guard) : "memory");
}

void setPointerGuard() {
  const uintptr_t guard = _dl_random[1];
  asm volatile("mov %0, %%fs:0x30" : : "r"(guard) : "memory");
}

void initialize(int argc, char** argv) {
  for (const Initializer* each = __preinit_array_start; each < __preinit_array_end; each++) {
    (*each)(argc, argv, environ);
  }
  _init();
  for (const Initializer* each = __init_array_start; each < __init_array_end; each++) {
    (*each)(argc, argv, environ);
  }
}

void finish(void* /*nothing*/) {
  for (const Function* each = __fini_array_end; each > __fini_array_start;) (*--each)();
  _fini();
}

// A buffer that pthread_exit() of the first thread comes back to: the process ends with its
// last thread.
[[noreturn]] void callMain(int (*main)(int, char**, char**), int argc, char** argv) {
  __pthread_unwind_buf_t buffer;
  auto* const here = reinterpret_cast<__jmp_buf_tag*>(buffer.__cancel_jmp_buf);
  if (_setjmp(here) == 0) {
    __pthread_register_cancel(&buffer);
    exit(main(argc, argv, environ));
  }
  __nptl_deallocate_tsd();
  if (__atomic_sub_fetch(&__nptl_nthreads, 1, __ATOMIC_SEQ_CST) == 0) exit(0);
  for (;;) syscall(SYS_exit, 0);
}

}  // namespace

extern "C" [[noreturn]] int __libc_start_main(int (*main)(int, char**, char**), int argc,
                                              char** argv, Initializer /*init*/, Function /*fini*/,
                                              Function atEnd, void* stackEnd) {
  environ = argv + argc + 1;
  __libc_stack_end = stackEnd;
  char** end = environ;
  while (*end != nullptr) end++;
  _dl_aux_init(reinterpret_cast<Elf64_auxv_t*>(end + 1));
  requireMemory();
  __tunables_init(environ);
  setFeatures();
  _dl_relocate_static_pie();
  relocate();
  __libc_setup_tls();
  setStackGuard();
  setPointerGuard();
  if (atEnd != nullptr) {
    __cxa_atexit(reinterpret_cast<void (*)(void*)>(atEnd), nullptr, nullptr);
  }
  __libc_early_init(true);
  __libc_init_first(argc, argv, environ);
  __cxa_atexit(finish, nullptr, nullptr);
  if (__libc_enable_secure != 0) __libc_check_standard_fds();
  initialize(argc, argv);
  _dl_debug_initialize(0, 0);
  callMain(main, argc, argv);
}
