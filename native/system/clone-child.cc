// Raw system calls only, on a small stack of its own, in memory that is shared
// with the caller: no library, no allocation, no lock, no instrumentation. The
// build refuses this file when it refers to any symbol outside of it.
#include "clone-child.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/errno.h>
#include <linux/prctl.h>

#include <sys/socket.h>

#include "../child/sys.h"
#include "../wire/wire.h"

namespace tsrun {

// Tells the parent as the helper would, see wire/wire.h.
[[noreturn]] static void die(const ChildWork& work, long result, wire::Code code) {
  const wire::MessageHeader message = {wire::Kind::Failed, wire::kNoStep,
                                       static_cast<int32_t>(-result), static_cast<uint32_t>(code)};
  long sent;
  do {
    sent =
        sys::call(__NR_sendto, work.socket, sys::arg(&message), sizeof message, MSG_NOSIGNAL, 0, 0);
  } while (sent == -EINTR);
  sys::exit(sent < 0 ? wire::kExitUntold + static_cast<int>(-sent) : 127);
}

#define CHILD_TRY(expression, code)             \
  do {                                          \
    const long outcome = (expression);          \
    if (outcome < 0) die(*work, outcome, code); \
  } while (0)

// The ambient set is what execve leaves to a user other than root
// (capabilities(7)); the `credentials` step clears it.
static long keepCapabilities() {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  long result = sys::call(__NR_capget, sys::arg(&header), sys::arg(data));
  if (result < 0) return result;
  data[0].inheritable = data[0].permitted;
  data[1].inheritable = data[1].permitted;
  result = sys::call(__NR_capset, sys::arg(&header), sys::arg(data));
  for (int capability = 0; capability < 64 && result >= 0; capability++) {
    if ((data[capability / 32].permitted >> (capability % 32) & 1) == 0) continue;
    result = sys::call(__NR_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability);
  }
  return result;
}

extern "C" int becomeHelper(void* argument) {
  auto* work = static_cast<ChildWork*>(argument);
  if (work->waits) {
    // The parent's alone: the end of the parent is the end of the waiting.
    sys::close(work->parentEnd);
    char go = 0;
    long got;
    do {
      got = sys::read(work->socket, &go, 1);
    } while (got == -EINTR);
    CHILD_TRY(got, wire::Code::CgroupWait);
    if (got != 1) sys::exit(127);
  }
  // The socket moves out of the way too, and is where failures are told.
  const long socket = sys::fcntl(work->socket, F_DUPFD_CLOEXEC, work->count);
  CHILD_TRY(socket, wire::Code::PlaceDescriptors);
  work->socket = static_cast<int>(socket);
  // All out of the way first, so that no place is overwritten before it was read.
  const long helper = sys::fcntl(work->helper, F_DUPFD_CLOEXEC, work->count);
  CHILD_TRY(helper, wire::Code::PlaceDescriptors);
  for (int place = 0; place < work->count; place++) {
    long fd = work->sources[place];
    if (fd < 0) {
      fd = sys::openat(AT_FDCWD, "/dev/null", O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY);
      CHILD_TRY(fd, wire::Code::NullDevice);
    }
    if (fd < work->count) {
      fd = sys::fcntl(static_cast<int>(fd), F_DUPFD_CLOEXEC, work->count);
      CHILD_TRY(fd, wire::Code::PlaceDescriptors);
    }
    work->moved[place] = static_cast<int>(fd);
  }
  for (int place = 0; place < work->count; place++) {
    CHILD_TRY(sys::dup3(work->moved[place], place, 0), wire::Code::PlaceDescriptors);
  }
  // The library's program may have descriptors that are not close-on-exec.
  CHILD_TRY(sys::call(__NR_close_range, work->count, ~0U, CLOSE_RANGE_CLOEXEC),
            wire::Code::CloseDescriptors);
  if (work->keepCapabilities) CHILD_TRY(keepCapabilities(), wire::Code::KeepCapabilities);
  static char* const environment[] = {nullptr};
  CHILD_TRY(sys::call(__NR_execveat, helper, sys::arg(""), sys::arg(work->argv),
                      sys::arg(environment), AT_EMPTY_PATH),
            wire::Code::ExecuteHelper);
  sys::exit(127);
}

}  // namespace tsrun

#if defined(__x86_64__)
__asm__(
    ".text\n"
    ".globl tsrunClone3\n"
    ".hidden tsrunClone3\n"
    ".type tsrunClone3, @function\n"
    "tsrunClone3:\n"
    "  mov %rcx, %r8\n"  // the system call destroys rcx
    "  mov $435, %eax\n"
    "  syscall\n"
    "  test %rax, %rax\n"
    "  jnz 1f\n"
    "  xor %ebp, %ebp\n"
    "  mov %r8, %rdi\n"
    "  call *%rdx\n"
    "  hlt\n"
    "1:\n"
    "  ret\n"
    ".size tsrunClone3, .-tsrunClone3\n"
    ".globl tsrunClone\n"
    ".hidden tsrunClone\n"
    ".type tsrunClone, @function\n"
    "tsrunClone:\n"
    "  mov %rcx, %r10\n"  // without CLONE_SETTLS the kernel leaves r8 and r9 alone
    "  mov $56, %eax\n"
    "  syscall\n"
    "  test %rax, %rax\n"
    "  jnz 1f\n"
    "  xor %ebp, %ebp\n"
    "  mov %r8, %rdi\n"
    "  call *%r9\n"
    "  hlt\n"
    "1:\n"
    "  ret\n"
    ".size tsrunClone, .-tsrunClone\n");
#elif defined(__aarch64__)
__asm__(
    ".text\n"
    ".globl tsrunClone3\n"
    ".hidden tsrunClone3\n"
    ".type tsrunClone3, %function\n"
    "tsrunClone3:\n"
    "  mov x8, #435\n"
    "  svc 0\n"
    "  cbnz x0, 1f\n"
    "  mov x29, #0\n"
    "  mov x0, x3\n"
    "  blr x2\n"
    "  brk #0\n"
    "1:\n"
    "  ret\n"
    ".size tsrunClone3, .-tsrunClone3\n"
    ".globl tsrunClone\n"
    ".hidden tsrunClone\n"
    ".type tsrunClone, %function\n"
    "tsrunClone:\n"
    "  mov x6, x4\n"
    "  mov x4, x3\n"
    "  mov x3, #0\n"
    "  mov x8, #220\n"
    "  svc 0\n"
    "  cbnz x0, 1f\n"
    "  mov x29, #0\n"
    "  mov x0, x6\n"
    "  blr x5\n"
    "  brk #0\n"
    "1:\n"
    "  ret\n"
    ".size tsrunClone, .-tsrunClone\n");
#endif
