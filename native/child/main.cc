// Entry of the helper: find the plan, walk it.
#include <linux/close_range.h>
#include <linux/errno.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/time.h>
#include <signal.h>

#include "../wire/decode.h"
#include "helper.h"

namespace tsrun::child {

Helper self;
char* planBase;

// What fails before the first step is told by its code alone.
[[noreturn]] static void dieEarly(long result, wire::Code code) {
  self.step = wire::kNoStep;
  fail(result, "", code);
  die(result);
}

// Descriptors at the start, B being the first that the program does not keep:
// B the socket, B+1 the plan, which is there when the parent says so, B+2 + i slot i.
static const wire::Header* mapPlan(int fd) {
  const long size = sys::call(__NR_lseek, fd, 0, SEEK_END);
  if (size < 0) dieEarly(size, wire::Code::ReadPlan);
  if (size < static_cast<long>(sizeof(wire::Header))) dieEarly(-EINVAL, wire::Code::DecodePlan);
  const long at = sys::call(__NR_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  if (at < 0 && at > -4096) dieEarly(at, wire::Code::ReadPlan);
  planBase = reinterpret_cast<char*>(at);
  sys::close(fd);
  const wire::Header* header = wire::decodePlan(planBase, static_cast<uint64_t>(size));
  if (header == nullptr) dieEarly(-EINVAL, wire::Code::DecodePlan);
  return header;
}

static void takeSlots(const wire::Header& header) {
  static int few[64];
  self.slots = few;
  self.slotCount = header.slots;
  if (header.slots > 64) {
    const long at = sys::call(__NR_mmap, 0, static_cast<long>(header.slots * sizeof(int)),
                              PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at < 0 && at > -4096) dieEarly(at, wire::Code::SlotTable);
    self.slots = reinterpret_cast<int*>(at);
  }
  for (uint32_t i = 0; i < header.slots; i++) {
    self.slots[i] = i < header.inherited ? self.base + 2 + static_cast<int>(i) : -1;
  }
}

// The caller's ignored signals (Node ignores SIGPIPE) and blocked ones are not the program's.
static void resetSignals() {
  struct {
    void* handler;
    unsigned long flags;
    void* restorer;
    unsigned long mask;
  } action = {};
  long result = 0;
  for (int signal = 1; signal <= 64 && result >= 0; signal++) {
    if (signal == SIGKILL || signal == SIGSTOP) continue;
    result = sys::call(__NR_rt_sigaction, signal, sys::arg(&action), 0, 8);
  }
  const unsigned long none = 0;
  if (result >= 0) {
    result = sys::call(__NR_rt_sigprocmask, SIG_SETMASK, sys::arg(&none), 0, 8);
  }
  if (result < 0) dieEarly(result, wire::Code::ResetSignals);
}

static int64_t now() {
  struct {
    int64_t seconds;
    int64_t nanoseconds;
  } time = {};
  sys::call(__NR_clock_gettime, CLOCK_MONOTONIC, sys::arg(&time));
  return time.seconds * 1000000000 + time.nanoseconds;
}

static constexpr uint32_t kMaxTimes = (wire::kMaxMessage - sizeof(wire::MessageHeader)) / 8;
static int64_t times[kMaxTimes];

// By the function of the step's operation.
static long runStep(const wire::Step& step) {
  switch (step.op) {
#define OPERATION(number, name, text, fields) \
  case wire::Op::name:                        \
    return operations::name(step);
#include "../wire/operations.def"
#undef OPERATION
  }
  return -EINVAL;
}

[[noreturn]] static void walk(const wire::Header& header) {
  const auto* steps = reinterpret_cast<const wire::Step*>(planBase + sizeof(wire::Header));
  for (self.step = 0; self.step < header.steps; self.step++) {
    const wire::Step& step = steps[self.step];
    if (header.trace != 0 && step.op == wire::Op::sync && NUMBER(step, sync, point) == 3) {
      const uint32_t count = self.step < kMaxTimes ? self.step : kMaxTimes;
      send(wire::Kind::Trace, 0, wire::Code::None, times, count * sizeof times[0]);
    }
    self.failure.code = wire::Code::None;
    self.failure.text[0] = 0;
    const long result = runStep(step);
    if (result < 0) die(result);
    if (header.trace != 0 && self.step < kMaxTimes) times[self.step] = now();
  }
  // A plan without `exec` only holds namespaces until the parent goes away.
  waitForParent();
  sys::exit(0);
}

static long numberOf(const char* text, long most) {
  long number = 0;
  for (const char* digit = text; *digit != 0; digit++) {
    if (*digit < '0' || *digit > '9') sys::exit(2);
    number = number * 10 + (*digit - '0');
    if (number > most) sys::exit(2);
  }
  return number;
}

// What the plan begins with: `dumpable` off, then `unshare`, which takes as
// long as the parent needs to write the plan. The step has the result.
static void makeNamespacesEarly(long flags) {
  sys::prctl(PR_SET_DUMPABLE, 0);
  self.early = flags;
  self.earlyResult = sys::call(__NR_unshare, flags);
}

// Arguments: B, and the namespaces that the plan begins with, if it does.
[[noreturn]] void start(long* stack) {
  const long argc = stack[0];
  auto** argv = reinterpret_cast<char**>(stack + 1);
  // Run by hand, or as an entry point through /proc/self/exe.
  if (argc != 2 && argc != 3) sys::exit(2);
  const int base = static_cast<int>(numberOf(argv[1], 10000000));
  self.base = base;
  self.socket = base;
  self.root = self.proc = self.onProc = self.onSys = self.onDev = self.maskDirectory = self.fifo =
      self.gate = -1;
  // By which others see that this is not the program yet. With a name in memory it cannot fail.
  sys::prctl(PR_SET_NAME, sys::arg(wire::kHelperName));
  self.early = 0;
  if (argc == 3) makeNamespacesEarly(numberOf(argv[2], 0xffffffff));
  waitForParent();
  const wire::Header* header = mapPlan(base + 1);
  if (base != 3 + static_cast<int>(header->preserved)) {
    dieEarly(-EINVAL, wire::Code::DecodePlan);
  }
  // The parent's own, and on execve all but what the program keeps.
  long closed = sys::call(__NR_close_range, base + 2 + header->inherited, ~0U, 0);
  if (closed >= 0) closed = sys::call(__NR_close_range, base, ~0U, CLOSE_RANGE_CLOEXEC);
  if (closed < 0) dieEarly(closed, wire::Code::CloseDescriptors);
  takeSlots(*header);
  resetSignals();
  // What is made has the mode that the plan says.
  self.umask = sys::call(__NR_umask, 0);
  walk(*header);
}

}  // namespace tsrun::child

#if !defined(TSRUN_FUZZ)
// The guard of the stack protector. Without a C library it is no thread's own, but there is one
// thread, and a second while the listener of a filter is handed over.
extern "C" {
uintptr_t __stack_chk_guard;
[[noreturn]] void __stack_chk_fail() {
  // The parent reaps a process that was ended by SIGILL.
  for (;;) __builtin_trap();
}
}

// The first 8 of the 16 random bytes that the kernel gives to each program (getauxval(3)), as the C
// library takes them: a first byte of 0 ends what is copied as a text.
static inline __attribute__((always_inline)) void seedGuard(const long* stack) {
  constexpr long kAtRandom = 25;
  const long* at = stack + 1 + stack[0] + 1;
  while (*at != 0) at++;
  for (at++; at[0] != 0; at += 2) {
    if (at[0] != kAtRandom) continue;
    __stack_chk_guard = *reinterpret_cast<const uintptr_t*>(at[1]) & ~uintptr_t{0xff};
  }
}

extern "C" [[noreturn]] __attribute__((no_stack_protector)) void startHelper(long* stack) {
  seedGuard(stack);
  tsrun::child::start(stack);
}
#endif

#if defined(TSRUN_FUZZ)
// A test calls start().
#elif defined(__x86_64__)
__asm__(
    ".globl _start\n"
    "_start:\n"
    "  xor %ebp, %ebp\n"
    "  mov %rsp, %rdi\n"
    "  and $-16, %rsp\n"
    "  call startHelper\n");
#else
__asm__(
    ".globl _start\n"
    "_start:\n"
    "  mov x29, #0\n"
    "  mov x0, sp\n"
    "  bl startHelper\n");
#endif
