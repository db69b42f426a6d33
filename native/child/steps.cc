// Which function carries out which operation.
#include <linux/errno.h>

#include "helper.h"

namespace tsrun::child {

long runStep(const wire::Step& step) {
  using wire::Op;
  switch (step.op) {
    case Op::Sync:
      return sync(step);
    case Op::Unshare:
      return unshareNamespaces(step);
    case Op::Setns:
      return joinNamespace(step);
    case Op::Join:
      return joinContainer(step);
    case Op::ClearGroups:
      return clearGroups(step);
    case Op::Fork:
      return forkAgain(step);
    case Op::OpenOffsets:
      return openOffsets(step);
    case Op::Time:
      return enterTime(step);
    case Op::Dumpable:
      return setDumpable(step);
    case Op::Become:
      return become(step);
    case Op::Session:
      return newSession(step);
    case Op::Keyring:
      return joinKeyring(step);
    case Op::Loopback:
      return loopbackUp(step);
    case Op::Hostname:
      return setHostname(step);
    case Op::Domainname:
      return setDomainname(step);
    case Op::Propagation:
      return setPropagation(step);
    case Op::OpenTree:
      return openTree(step);
    case Op::LockTree:
      return lockTree(step);
    case Op::Root:
      return prepareRoot(step);
    case Op::Mount:
      return mountNew(step);
    case Op::Bind:
      return mountBind(step);
    case Op::Remount:
      return remount(step);
    case Op::RootAttributes:
      return rootAttributes(step);
    case Op::RootPropagation:
      return rootPropagation(step);
    case Op::Mkdir:
      return mkdirStep(step);
    case Op::Device:
      return makeDevice(step);
    case Op::Symlink:
      return makeSymlink(step);
    case Op::Mask:
      return maskPath(step);
    case Op::Readonly:
      return readonlyPath(step);
    case Op::Proc:
      return openProc(step);
    case Op::Sysctl:
      return writeSysctl(step);
    case Op::Label:
      return writeLabel(step);
    case Op::Console:
      return openConsole(step);
    case Op::Pivot:
      return pivotRoot(step);
    case Op::Cover:
      return coverMount(step);
    case Op::ProtectLimits:
      return protectLimits(step);
    case Op::MoveRoot:
      return moveRoot(step);
    case Op::Chroot:
      return changeRoot(step);
    case Op::StdioOwner:
      return stdioOwner(step);
    case Op::Scheduler:
      return setScheduler(step);
    case Op::Rlimit:
      return setLimit(step);
    case Op::Ioprio:
      return setIoPriority(step);
    case Op::Affinity:
      return setAffinity(step);
    case Op::Personality:
      return setPersonality(step);
    case Op::NoNewPrivileges:
      return noNewPrivileges(step);
    case Op::Seccomp:
      return loadFilter(step);
    case Op::Umask:
      return setUmask(step);
    case Op::Credentials:
      return setCredentials(step);
    case Op::Cwd:
      return enterCwd(step);
    case Op::HostCwd:
      return enterHostCwd(step);
    case Op::Find:
      return findProgram(step);
    case Op::Forget:
      return forget(step);
    case Op::Gate:
      return passGate(step);
    case Op::Hook:
      return runHook(step);
    case Op::Exec:
      return execute(step);
    case Op::Count:
      break;
  }
  return -EINVAL;
}

}  // namespace tsrun::child
