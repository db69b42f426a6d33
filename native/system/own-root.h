// Calls that change the mount namespace of who makes them, in a process that is not the caller.
#pragma once

namespace tsrun {

// Runs `function` in a process with the memory and the descriptors of the caller, but a root and a
// mount namespace that may become its own, and waits for its end. Returns 0 or a negated errno.
long withOwnRoot(int (*function)(void* argument), void* argument);

}  // namespace tsrun
