// What runs between the clone and the helper's execve, in the caller's memory.
#pragma once

#include <linux/sched.h>
#include <stddef.h>

namespace tsrun {

// Everything the child needs, made by the parent: the child must not allocate.
struct ChildWork {
  const int* sources;  // descriptor for each place from 0 on; -1 is /dev/null
  int* moved;          // the same, where they are out of the way of the places
  int count;
  int helper;
  char* argv[3];
  // In a new user namespace: execve drops the capabilities of an id that is not mapped yet.
  bool keepCapabilities;
  int error;  // what the child died of, seen by the parent
};

// Places the descriptors and becomes the helper; argument is a ChildWork.
extern "C" int becomeHelper(void* argument);

// clone3 with a new stack for the child, which calls `function(argument)` there.
extern "C" long tsrunClone3(struct clone_args* arguments, size_t size, int (*function)(void*),
                            void* argument);

}  // namespace tsrun
