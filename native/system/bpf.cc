#include "bpf.h"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

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
  // By which an update knows its own from those of others.
  memcpy(attributes.prog_name, "tsrun", sizeof "tsrun");
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

long detachDeviceProgram(int cgroup, int program) {
  bpf_attr attributes = {};
  attributes.target_fd = static_cast<uint32_t>(cgroup);
  attributes.attach_bpf_fd = static_cast<uint32_t>(program);
  attributes.attach_type = BPF_CGROUP_DEVICE;
  return bpf(BPF_PROG_DETACH, attributes);
}

long devicePrograms(int cgroup, std::vector<DeviceProgram>& found) {
  // The kernel has at most 64 on a cgroup (BPF_CGROUP_MAX_PROGS).
  uint32_t ids[64] = {};
  bpf_attr query = {};
  query.query.target_fd = static_cast<uint32_t>(cgroup);
  query.query.attach_type = BPF_CGROUP_DEVICE;
  query.query.prog_ids = reinterpret_cast<uint64_t>(ids);
  query.query.prog_cnt = sizeof ids / sizeof *ids;
  long status = bpf(BPF_PROG_QUERY, query);
  for (uint32_t i = 0; status >= 0 && i < query.query.prog_cnt; i++) {
    bpf_attr by = {};
    by.prog_id = ids[i];
    const long fd = bpf(BPF_PROG_GET_FD_BY_ID, by);
    // Detached and gone meanwhile.
    if (fd == -ENOENT) continue;
    if (fd < 0) {
      status = fd;
      break;
    }
    bpf_prog_info info = {};
    bpf_attr about = {};
    about.info.bpf_fd = static_cast<uint32_t>(fd);
    about.info.info_len = sizeof info;
    about.info.info = reinterpret_cast<uint64_t>(&info);
    status = bpf(BPF_OBJ_GET_INFO_BY_FD, about);
    info.name[sizeof info.name - 1] = '\0';
    found.push_back({static_cast<int>(fd), info.name});
  }
  if (status >= 0) return 0;
  for (const DeviceProgram& program : found) close(program.fd);
  found.clear();
  return status;
}

}  // namespace tsrun
