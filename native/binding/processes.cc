#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "../system/reap.h"
#include "../system/rights.h"
#include "../system/signals.h"
#include "arguments.h"
#include "children.h"
#include "themes.h"

namespace tsrun::binding {
namespace {

Value Getpid(const CallbackInfo& info) { return result(info, getpid()); }
Value Getuid(const CallbackInfo& info) { return pair(info, getuid(), geteuid()); }
Value Getgid(const CallbackInfo& info) { return pair(info, getgid(), getegid()); }

Value Kill(const CallbackInfo& info) {
  return answer(info, kill(integer(info, 0), integer(info, 1)));
}

Value PidfdOpen(const CallbackInfo& info) {
  return answer(info, syscall(SYS_pidfd_open, integer(info, 0), 0));
}

Value PidfdKill(const CallbackInfo& info) {
  return answer(info,
                syscall(SYS_pidfd_send_signal, integer(info, 0), integer(info, 1), nullptr, 0));
}

Value Reap(const CallbackInfo& info) {
  Ended ended;
  const long outcome = reapChild(integer(info, 0), ended);
  if (outcome < 0) return result(info, outcome);
  forgetChild(info.Env(), integer(info, 0));
  auto object = Napi::Object::New(info.Env());
  object.Set("status", result(info, ended.status));
  object.Set("signal", result(info, ended.signal));
  return object;
}

Value ReapGroup(const CallbackInfo& info) { return result(info, reapGroup(integer(info, 0))); }
Value ReapOthers(const CallbackInfo& info) { return result(info, reapOthers(integer(info, 0))); }

Value RaiseHardLimit(const CallbackInfo& info) {
  return result(info, raiseHardLimit(integer(info, 0), integer(info, 1),
                                     static_cast<uint64_t>(number(info, 2))));
}

Value SetSoftLimit(const CallbackInfo& info) {
  return result(info, setSoftLimit(integer(info, 0), static_cast<uint64_t>(number(info, 1))));
}

Value Capabilities(const CallbackInfo& info) {
  int64_t asked = 0;
  if (!readNumber(info[0], asked)) return info.Env().Undefined();
  tsrun::Capabilities found;
  const long outcome = readCapabilities(static_cast<uint64_t>(asked), found);
  if (outcome < 0) return result(info, outcome);
  auto object = Napi::Object::New(info.Env());
  object.Set("effective", Napi::BigInt::New(info.Env(), found.effective));
  object.Set("bounding", Napi::BigInt::New(info.Env(), found.bounding));
  object.Set("last", result(info, found.last));
  return object;
}

Value SetSubreaper(const CallbackInfo& info) {
  return answer(info, prctl(PR_SET_CHILD_SUBREAPER, number(info, 0) != 0 ? 1 : 0));
}

Value CatchSignals(const CallbackInfo& info) {
  REQUIRE_INTEGERS(signals, 0);
  return result(info, catchSignals(signals));
}

constexpr Entry kEntries[] = {
    {"getpid", Getpid},
    {"getuid", Getuid},
    {"getgid", Getgid},
    {"kill", Kill},
    {"pidfdOpen", PidfdOpen},
    {"pidfdKill", PidfdKill},
    {"reap", Reap},
    {"reapGroup", ReapGroup},
    {"reapOthers", ReapOthers},
    {"raiseHardLimit", RaiseHardLimit},
    {"setSoftLimit", SetSoftLimit},
    {"setSubreaper", SetSubreaper},
    {"catchSignals", CatchSignals},
    {"capabilities", Capabilities},
};

}  // namespace

constinit const Entries kProcesses = kEntries;

}  // namespace tsrun::binding
