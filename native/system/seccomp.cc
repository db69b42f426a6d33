#include "seccomp.h"

#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

namespace tsrun {

namespace {

// Owns what libseccomp makes.
class Context {
 public:
  explicit Context(uint32_t defaultAction) : context_(seccomp_init(defaultAction)) {}
  ~Context() {
    if (context_ != nullptr) seccomp_release(context_);
  }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  scmp_filter_ctx get() const { return context_; }

 private:
  scmp_filter_ctx context_;
};

long addArchitectures(scmp_filter_ctx context, const SeccompProfile& profile,
                      SeccompFilter& filter) {
  filter.architectures.push_back({seccomp_arch_native(), -1});
  for (size_t i = 0; i < profile.architectures.size(); i++) {
    const uint32_t token = seccomp_arch_resolve_name(profile.architectures[i].c_str());
    const int added = token == 0 ? -EINVAL : seccomp_arch_add(context, token);
    if (added == -EEXIST) continue;
    if (added < 0) {
      filter.failedArchitecture = static_cast<int>(i);
      return added;
    }
    filter.architectures.push_back({token, -1});
  }
  return 0;
}

// Calls of 32-bit ARM that are numbered apart, from __ARM_NR_BASE on: set_tls and others.
constexpr int kArmPrivate = 0x0f0000;

// Whether any architecture of the filter may have the call.
bool noteNumbers(const std::string& name, SeccompFilter& filter) {
  bool known = false;
  for (auto& architecture : filter.architectures) {
    const int number = seccomp_syscall_resolve_name_arch(architecture.token, name.c_str());
    if (number == __NR_SCMP_ERROR) continue;
    known = true;
    // They say nothing of how new the profile is.
    if (architecture.token == SCMP_ARCH_ARM && number >= kArmPrivate) continue;
    // libseccomp's own numbers, of calls that this architecture lacks, are negative.
    architecture.highest = std::max(architecture.highest, number);
  }
  return known;
}

long addRules(scmp_filter_ctx context, const SeccompProfile& profile, SeccompFilter& filter) {
  for (size_t i = 0; i < profile.rules.size(); i++) {
    const SeccompRule& rule = profile.rules[i];
    std::vector<scmp_arg_cmp> compare;
    compare.reserve(rule.arguments.size());
    for (const auto& [index, operation, first, second] : rule.arguments) {
      compare.push_back({index, static_cast<scmp_compare>(operation), first, second});
    }
    for (const auto& name : rule.names) {
      if (!noteNumbers(name, filter)) {
        filter.unknown.push_back(name);
        continue;
      }
      // A rule whose action is the default one says nothing, and libseccomp refuses it.
      if (rule.action == profile.defaultAction) continue;
      const int number = seccomp_syscall_resolve_name(name.c_str());
      const int added = seccomp_rule_add_array(
          context, rule.action, number, static_cast<unsigned>(compare.size()), compare.data());
      // The same rule twice is none; -EEXIST is one that contradicts another.
      if (added < 0) {
        filter.failedRule = static_cast<int>(i);
        filter.failedName = name;
        return added;
      }
    }
  }
  return 0;
}

// libseccomp writes into a descriptor; a memory file takes any size.
long exportProgram(scmp_filter_ctx context, std::string& program) {
  const int fd = memfd_create("seccomp", MFD_CLOEXEC);
  if (fd < 0) return -errno;
  long result = seccomp_export_bpf(context, fd);
  if (result == 0) {
    const off_t size = lseek(fd, 0, SEEK_CUR);
    if (size <= 0) {
      result = size < 0 ? -errno : -EIO;
      close(fd);
      return result;
    }
    program.resize(static_cast<size_t>(size));
    const ssize_t got = pread(fd, program.data(), program.size(), 0);
    if (got < 0 || static_cast<size_t>(got) != program.size()) result = -EIO;
  }
  close(fd);
  return result;
}

}  // namespace

long compileSeccomp(const SeccompProfile& profile, SeccompFilter& filter) {
  const Context context(profile.defaultAction);
  if (context.get() == nullptr) return -EINVAL;
  long result = addArchitectures(context.get(), profile, filter);
  if (result < 0) return result;
  // A binary tree of the numbers instead of a list: a few comparisons a call.
  result = seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
  if (result < 0) return result;
  result = addRules(context.get(), profile, filter);
  return result < 0 ? result : exportProgram(context.get(), filter.program);
}

std::string seccompVersion() {
  const scmp_version* version = seccomp_version();
  if (version == nullptr) return "unknown";
  return std::to_string(version->major) + "." + std::to_string(version->minor) + "." +
         std::to_string(version->micro);
}

bool seccompFlagWorks(unsigned long flag) {
  // A program that cannot be read: the flags are looked at first.
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flag, nullptr) < 0 && errno == EFAULT;
}

std::string seccompSystem() {
  std::string text = "libseccomp " + seccompVersion();
  text += " arch " + std::to_string(seccomp_arch_native()) + " actions ";
  for (const uint32_t action :
       {SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD, SECCOMP_RET_TRAP, SECCOMP_RET_ERRNO,
        SECCOMP_RET_USER_NOTIF, SECCOMP_RET_TRACE, SECCOMP_RET_LOG, SECCOMP_RET_ALLOW}) {
    text += syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0 ? '1' : '0';
  }
  text += " flags ";
  for (const unsigned long flag :
       {SECCOMP_FILTER_FLAG_TSYNC, SECCOMP_FILTER_FLAG_LOG, SECCOMP_FILTER_FLAG_SPEC_ALLOW,
        SECCOMP_FILTER_FLAG_NEW_LISTENER}) {
    text += seccompFlagWorks(flag) ? '1' : '0';
  }
  return text;
}

int systemCallNumber(const char* name) { return seccomp_syscall_resolve_name(name); }

}  // namespace tsrun
