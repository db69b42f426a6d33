// What runs between the clone and the helper's execve, in the caller's memory
// and beside the caller's own threads.
#pragma once

#include <linux/sched.h>
#include <stddef.h>

namespace tsrun {

inline constexpr size_t kChildStack = 16384;

// Everything the child needs, made by the parent: the child must not allocate.
// It lives until the kernel says that the child has left the memory.
struct ChildWork {
  alignas(16) char stack[kChildStack];
  int inMemory;        // cleared by the kernel at execve or the child's end
  const int* sources;  // descriptor for each place from 0 on; -1 is /dev/null
  int* moved;          // the same, where they are out of the way of the places
  int count;
  int helper;
  int socket;  // the child's end, its own number
  int parentEnd;
  char* argv[4];
  // Until a byte comes: the parent has to move the process first.
  bool waits;
  // In a new user namespace: execve drops the capabilities of an id that is not mapped yet.
  bool keepCapabilities;
};

// Places the descriptors and becomes the helper; argument is a ChildWork.
extern "C" int becomeHelper(void* argument);

// clone3 with a new stack for the child, which calls `function(argument)` there.
extern "C" long tsrunClone3(struct clone_args* arguments, size_t size, int (*function)(void*),
                            void* argument);

// clone(2) in the same way; `stack` is its upper end.
extern "C" long tsrunClone(unsigned long flags, void* stack, int* pidfd, int* childTid,
                           void* argument, int (*function)(void*));

}  // namespace tsrun
