#include "bpf.h"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace tsrun {

namespace {

long bpf(int command, bpf_attr& attributes) {
  const long result = syscall(SYS_bpf, command, &attributes, sizeof attributes);
  return result < 0 ? -errno : result;
}

}  // namespace

long loadDeviceProgram(const void* instructions, size_t size) {
  static const char license[] = "Apache-2.0";
  bpf_attr attributes = {};
  attributes.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  attributes.insns = reinterpret_cast<uint64_t>(instructions);
  attributes.insn_cnt = static_cast<uint32_t>(size / sizeof(bpf_insn));
  attributes.license = reinterpret_cast<uint64_t>(license);
  // The verifier gives up where a signal has come, such as SIGCHLD of another
  // container's helper: it is dealt with on the way back from the call.
  constexpr int kTries = 64;
  long result = -EAGAIN;
  for (int tries = 0; tries < kTries && result == -EAGAIN; tries++) {
    result = bpf(BPF_PROG_LOAD, attributes);
  }
  return result;
}

long attachDeviceProgram(int cgroup, int program, int replace) {
  bpf_attr attributes = {};
  attributes.target_fd = static_cast<uint32_t>(cgroup);
  attributes.attach_bpf_fd = static_cast<uint32_t>(program);
  attributes.attach_type = BPF_CGROUP_DEVICE;
  attributes.attach_flags = BPF_F_ALLOW_MULTI;
  if (replace >= 0) {
    attributes.attach_flags |= BPF_F_REPLACE;
    attributes.replace_bpf_fd = static_cast<uint32_t>(replace);
  }
  return bpf(BPF_PROG_ATTACH, attributes);
}

}  // namespace tsrun
