// Any profile that the binding can be given: compiled to a program that the
// kernel would take, or refused with the place.
#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstring>

#include <fuzzer/FuzzedDataProvider.h>

#include "../../../native/system/seccomp.h"
#include "descriptors.h"
#include "fuzz.h"

using namespace tsrun;

namespace {

std::string callName(FuzzedDataProvider& data) {
  static const char* const known[] = {
      "read",   "write",          "clone",  "clone3",           "personality",
      "socket", "ioctl",          "ptrace", "socketcall",       "ipc",
      "futex",  "futex_time64",   "open",   "openat2",          "stat",
      "kill",   "no_such",        "mmap2",  "getpid",           "keyctl",
      "bpf",    "io_uring_setup", "mount",  "arm_fadvise64_64",
  };
  const size_t which = data.ConsumeIntegralInRange<size_t>(0, std::size(known));
  return which < std::size(known) ? known[which] : data.ConsumeRandomLengthString(20);
}

uint32_t action(FuzzedDataProvider& data) {
  static constexpr uint32_t known[] = {
      SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO,      SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD,
      SECCOMP_RET_TRAP,  SECCOMP_RET_USER_NOTIF, SECCOMP_RET_TRACE,        SECCOMP_RET_LOG,
  };
  const size_t which = data.ConsumeIntegralInRange<size_t>(0, std::size(known) + 1);
  if (which == std::size(known)) return data.ConsumeIntegral<uint32_t>();
  const uint32_t base = which < std::size(known) ? known[which] : SECCOMP_RET_ALLOW;
  if (base == SECCOMP_RET_ERRNO) return base | data.ConsumeIntegral<uint8_t>();
  return base;
}

SeccompProfile profile(FuzzedDataProvider& data) {
  static const char* const architectures[] = {"x86_64", "x86",   "x32",  "aarch64",
                                              "arm",    "s390x", "none", "native"};
  SeccompProfile made;
  made.defaultAction = action(data);
  for (int left = data.ConsumeIntegralInRange<int>(0, 3); left > 0; left--) {
    made.architectures.emplace_back(architectures[data.ConsumeIntegralInRange<size_t>(0, 7)]);
  }
  bool ordered = false;
  for (int left = data.ConsumeIntegralInRange<int>(0, 5); left > 0; left--) {
    SeccompRule rule;
    rule.action = action(data);
    for (int names = data.ConsumeIntegralInRange<int>(0, 4); names > 0; names--) {
      rule.names.push_back(callName(data));
    }
    // libseccomp 2.6.0 does not come back from some pairs of rules for a call that
    // both compare two arguments by order (docs/fuzzing.md): one at most does here.
    const int most = ordered ? 1 : 4;
    for (int some = data.ConsumeIntegralInRange<int>(0, most); some > 0; some--) {
      rule.arguments.push_back(
          {data.ConsumeIntegralInRange<unsigned>(0, 7), data.ConsumeIntegralInRange<int>(-1, 9),
           data.ConsumeIntegral<uint64_t>(), data.ConsumeIntegral<uint64_t>()});
    }
    ordered = ordered || rule.arguments.size() > 1;
    made.rules.push_back(rule);
  }
  return made;
}

// As the kernel looks at a program before it takes it: jumps forward and inside
// only, loads of seccomp_data, a return at the end.
void checkProgram(const std::string& program) {
  HOLDS(!program.empty() && program.size() % sizeof(sock_filter) == 0);
  const size_t count = program.size() / sizeof(sock_filter);
  HOLDS(count <= BPF_MAXINSNS);
  for (size_t at = 0; at < count; at++) {
    sock_filter one;
    memcpy(&one, program.data() + at * sizeof one, sizeof one);
    switch (BPF_CLASS(one.code)) {
      case BPF_JMP:
        if (BPF_OP(one.code) == BPF_JA) {
          HOLDS(at + 1 + one.k < count);
        } else {
          HOLDS(at + 1 + one.jt < count && at + 1 + one.jf < count);
        }
        break;
      case BPF_LD:
        HOLDS(BPF_MODE(one.code) != BPF_ABS || (one.k % 4 == 0 && one.k < sizeof(seccomp_data)));
        break;
      case BPF_RET:
        break;
      default:
        HOLDS(at + 1 < count);
    }
    if (at + 1 == count) HOLDS(BPF_CLASS(one.code) == BPF_RET);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  FuzzedDataProvider data(bytes, size);
  // Does not depend on the input: the build's library and this kernel.
  static const bool once = [] {
    HOLDS(seccompVersion().find('.') != std::string::npos);
    HOLDS(seccompSystem().starts_with("libseccomp "));
    return true;
  }();
  (void)once;
  const std::string name = callName(data);
  HOLDS(systemCallNumber(name.c_str()) >= 0 || name != "read");
  const SeccompProfile asked = profile(data);
  SeccompFilter filter;
  const fuzz::Descriptors before;
  const long outcome = compileSeccomp(asked, filter);
  before.checkSame();
  HOLDS(outcome <= 0 && outcome > -4096);
  HOLDS(filter.failedArchitecture < static_cast<int>(asked.architectures.size()));
  HOLDS(filter.failedRule < static_cast<int>(asked.rules.size()));
  if (outcome < 0) {
    HOLDS(filter.program.empty());
    return 0;
  }
  HOLDS(filter.failedArchitecture == -1 && filter.failedRule == -1);
  HOLDS(filter.architectures.size() <= asked.architectures.size() + 1);
  checkProgram(filter.program);
  return 0;
}
