// Raw system calls: no libc, no errno, no allocation, no locks.
//
// The helper is a program without a C library, and the code between clone and
// execve in the parent must not touch one either (a copied lock would never be
// released). Every call gives the kernel's answer: >= 0, or a negated errno.
#pragma once

#include <asm/unistd.h>
#include <stddef.h>
#include <stdint.h>

namespace tsrun::sys {

#if defined(TSRUN_FUZZ)
// test/fuzz/native/helper.cc answers instead of the kernel.
long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0);
#elif defined(__x86_64__)
inline long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0,
                 long f = 0) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}
#elif defined(__aarch64__)
inline long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0,
                 long f = 0) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc 0"
                   : "+r"(x0)
                   : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                   : "memory");
  return x0;
}
#else
#error "tsrun knows the system calls of x86-64 and arm64 only"
#endif

template <typename T>
inline long arg(T* pointer) {
  return reinterpret_cast<long>(pointer);
}

inline long close(int fd) { return call(__NR_close, fd); }
inline long openat(int dir, const char* path, int flags, unsigned mode = 0) {
  return call(__NR_openat, dir, arg(path), flags, mode);
}
inline long read(int fd, void* data, size_t size) {
  return call(__NR_read, fd, arg(data), static_cast<long>(size));
}
inline long write(int fd, const void* data, size_t size) {
  return call(__NR_write, fd, arg(data), static_cast<long>(size));
}
inline long fcntl(int fd, int command, long value = 0) {
  return call(__NR_fcntl, fd, command, value);
}
inline long dup3(int from, int to, int flags) { return call(__NR_dup3, from, to, flags); }
inline long prctl(int option, long a = 0, long b = 0, long c = 0, long d = 0) {
  return call(__NR_prctl, option, a, b, c, d);
}
inline long ioctl(int fd, unsigned long request, long value) {
  return call(__NR_ioctl, fd, static_cast<long>(request), value);
}
[[noreturn]] inline void exit(int status) {
  call(__NR_exit_group, status);
  // A filter of system calls has refused.
  call(__NR_exit, status);
  for (;;) __builtin_trap();
}

}  // namespace tsrun::sys
