// Device programs of a control group (bpf(2), BPF_PROG_TYPE_CGROUP_DEVICE).
#pragma once

#include <cstddef>

namespace tsrun {

// Descriptor of the loaded program, or a negated errno.
long loadDeviceProgram(const void* instructions, size_t size);

// Attaches beside what ancestors have; replaces `replace` when it is not -1.
long attachDeviceProgram(int cgroup, int program, int replace);

}  // namespace tsrun
