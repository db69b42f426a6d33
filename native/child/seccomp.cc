// Loads a filter of system calls (seccomp(2)). From there on every call of the
// helper's is the profile's to judge: src/seccomp/late-calls.ts has the list.
#include <linux/errno.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>

#include "helper.h"

// Starts a thread on a stack of its own: flags, top of the stack, what it runs.
extern "C" long tsrunStartThread(unsigned long flags, void* stack, void (*run)());

#if defined(TSRUN_FUZZ)
// A test defines it.
#elif defined(__x86_64__)
__asm__(
    ".text\n"
    "tsrunStartThread:\n"
    "  mov %rdx, %r9\n"
    "  xor %edx, %edx\n"
    "  xor %r10d, %r10d\n"
    "  xor %r8d, %r8d\n"
    "  mov $56, %eax\n"
    "  syscall\n"
    "  test %rax, %rax\n"
    "  jnz 1f\n"
    "  xor %ebp, %ebp\n"
    "  call *%r9\n"
    "  hlt\n"
    "1:\n"
    "  ret\n");
#elif defined(__aarch64__)
__asm__(
    ".text\n"
    "tsrunStartThread:\n"
    "  mov x9, x2\n"
    "  mov x2, #0\n"
    "  mov x3, #0\n"
    "  mov x4, #0\n"
    "  mov x8, #220\n"
    "  svc 0\n"
    "  cbnz x0, 1f\n"
    "  mov x29, #0\n"
    "  blr x9\n"
    "  brk #0\n"
    "1:\n"
    "  ret\n");
#endif

namespace tsrun::child {

static long load(unsigned long flags, const sock_fprog& program) {
  return sys::call(__NR_seccomp, SECCOMP_SET_MODE_FILTER, static_cast<long>(flags),
                   sys::arg(&program));
}

// What the loading thread tells the other one: it may make no call to wake it.
constexpr long kPending = 1L << 40;
static long outcome = kPending;
alignas(16) static char stack[16384];

// Shares the descriptors and has no filter, so that handing over the listener
// is not a call that the profile judges.
static void handOver() {
  long result;
  while ((result = __atomic_load_n(&outcome, __ATOMIC_ACQUIRE)) == kPending) {
    sys::call(__NR_sched_yield);
  }
  if (result >= 0) {
    send(wire::Kind::Listener, 0, wire::Code::None, nullptr, 0, static_cast<int>(result));
  }
  for (;;) sys::call(__NR_exit, 0);
}

static long loadWithListener(unsigned long flags, const sock_fprog& program) {
  const long thread = tsrunStartThread(
      CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM,
      stack + sizeof stack, handOver);
  if (thread < 0) return fail(thread, "a thread that hands over the listener");
  const long listener = load(flags | SECCOMP_FILTER_FLAG_NEW_LISTENER, program);
  __atomic_store_n(&outcome, listener, __ATOMIC_RELEASE);
  if (listener < 0) return listener;
  self.filtered = true;
  // The listener is close-on-exec and has to be there until the parent has it.
  waitForParent();
  return 0;
}

// To the end of the file: what is missing could be what denies. The number of bytes.
static long readProgram(int fd, sock_filter* filter, size_t room) {
  size_t size = 0;
  while (size < room) {
    const long got = sys::call(__NR_pread64, fd, sys::arg(reinterpret_cast<char*>(filter) + size),
                               static_cast<long>(room - size), static_cast<long>(size));
    if (got < 0) return got;
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  return static_cast<long>(size);
}

long operations::seccomp(const wire::Step& step) {
  static sock_filter filter[BPF_MAXINSNS];
  const int64_t place = NUMBER(step, seccomp, program);
  const long fd = slot(place);
  if (fd < 0) return fd;
  const long size = readProgram(static_cast<int>(fd), filter, sizeof filter);
  if (size < 0) return size;
  setSlot(place, -1);
  const sock_fprog program = {static_cast<unsigned short>(size / static_cast<long>(sizeof *filter)),
                              filter};
  const auto flags = static_cast<unsigned long>(NUMBER(step, seccomp, flags));
  if (NUMBER(step, seccomp, listener) != 0) return loadWithListener(flags, program);
  const long result = load(flags, program);
  // TSYNC answers with the thread that it failed for; there is but one.
  if (result != 0) return result < 0 ? result : -ESRCH;
  self.filtered = true;
  return 0;
}

}  // namespace tsrun::child
