// Device programs of a control group (bpf(2), BPF_PROG_TYPE_CGROUP_DEVICE).
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace tsrun {

// Descriptor of the loaded program, or a negated errno.
long loadDeviceProgram(const void* instructions, size_t size);

// A program that is attached to a cgroup itself. The descriptor is the caller's.
struct DeviceProgram {
  int fd;
  std::string name;
};

// Fills `found` and gives 0, or a negated errno; then it is empty.
long devicePrograms(int cgroup, std::vector<DeviceProgram>& found);

long detachDeviceProgram(int cgroup, int program);

// Attaches beside what ancestors have; replaces `replace` when it is not -1.
long attachDeviceProgram(int cgroup, int program, int replace);

}  // namespace tsrun
