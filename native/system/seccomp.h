// Filters of system calls: libseccomp behind a small interface. What goes in
// is decided (src/seccomp/); what comes out is a program of the kernel's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace tsrun {

struct SeccompArgument {
  unsigned index = 0;
  // Number of libseccomp's scmp_compare.
  int compare = 0;
  uint64_t first = 0;
  uint64_t second = 0;
};

struct SeccompRule {
  std::vector<std::string> names;
  uint32_t action = 0;
  // All of them must hold.
  std::vector<SeccompArgument> arguments;
};

struct SeccompProfile {
  uint32_t defaultAction = 0;
  // libseccomp's names; that of this machine is always in.
  std::vector<std::string> architectures;
  std::vector<SeccompRule> rules;
};

struct SeccompArchitecture {
  // As libseccomp numbers them: AUDIT_ARCH_* but for x32.
  uint32_t token = 0;
  // The highest number of a call that a rule names, -1 for none.
  int highest = -1;
};

struct SeccompFilter {
  // sock_filter instructions.
  std::string program;
  std::vector<SeccompArchitecture> architectures;
  // Names that libseccomp does not know on any architecture.
  std::vector<std::string> unknown;
  // Where it failed: index of the architecture or of the rule, -1 elsewhere.
  int failedArchitecture = -1;
  int failedRule = -1;
  std::string failedName;
};

// 0, or a negated errno.
long compileSeccomp(const SeccompProfile& profile, SeccompFilter& filter);

// What a compiled program depends on besides the profile: the library, the
// architecture, and what the kernel can do.
std::string seccompSystem();

// Number of a call on this machine; negative when it has none of that name.
int systemCallNumber(const char* name);

// libseccomp's, as in 2.6.0.
std::string seccompVersion();

// Whether the kernel takes a flag of seccomp(2).
bool seccompFlagWorks(unsigned long flag);

}  // namespace tsrun
