// One poller for an environment, its callbacks on the environment's own thread. How they get there
// differs between the hosts.

#include <time.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>

#include "../system/children.h"
#include "../system/poller.h"
#include "arguments.h"
#include "children.h"
#include "themes.h"

namespace tsrun::binding {
namespace {

#ifdef TSRUN_EXECUTABLE

// The executable's loop calls from that thread, and ends when the command does.
class Bell {
 public:
  Bell(Env env, std::function<void(Env)> ring) : env_(env), ring_(std::move(ring)) {}
  void operator()() { ring_(env_); }
  void keepAlive(Env /*env*/, bool /*on*/) {}
  void silence() {}

 private:
  Env env_;
  std::function<void(Env)> ring_;
};

#else

// The poller has a thread of its own on Node.
class Bell {
 public:
  Bell(Env env, std::function<void(Env)> ring) : ring_(std::move(ring)) {
    tell_ = Napi::ThreadSafeFunction::New(env, Napi::Function::New(env, [](const CallbackInfo&) {}),
                                          "tsrun", 0, 1);
    // Only waits that ask for it keep the program alive.
    tell_.Unref(env);
  }
  void operator()() {
    tell_.NonBlockingCall([this](Env env, Napi::Function) { ring_(env); });
  }
  void keepAlive(Env env, bool on) {
    if (on) {
      tell_.Ref(env);
    } else {
      tell_.Unref(env);
    }
  }
  void silence() { tell_.Abort(); }

 private:
  Napi::ThreadSafeFunction tell_;
  std::function<void(Env)> ring_;
};

#endif

class Waits {
 public:
  explicit Waits(Env env) : bell_(env, [this](Env callEnv) { deliver(callEnv); }) {
    poller_ = makePoller([this] { bell_(); });
  }

  ~Waits() {
    poller_.reset();
    bell_.silence();
  }

  long add(Env env, int fd, uint32_t events, int64_t timeoutMs, bool keepAlive,
           const Napi::Function& callback) {
    const uint32_t id = next_++;
    callbacks_[id] = {Napi::Persistent(callback), keepAlive};
    if (keepAlive && alive_++ == 0) bell_.keepAlive(env, true);
    const long added = poller_->add(id, fd, events, timeoutMs);
    if (added < 0) {
      remove(env, id);
      return added;
    }
    return id;
  }

  void cancel(Env env, uint32_t id) {
    poller_->cancel(id);
    remove(env, id);
  }

 private:
  struct Waiting {
    Napi::FunctionReference callback;
    bool keepAlive = false;
  };

  void remove(Env env, uint32_t id) {
    const auto found = callbacks_.find(id);
    if (found == callbacks_.end()) return;
    if (found->second.keepAlive && --alive_ == 0) bell_.keepAlive(env, false);
    callbacks_.erase(found);
  }

  void deliver(Env env) {
    for (const auto& [id, events] : poller_->take()) {
      const auto found = callbacks_.find(id);
      if (found == callbacks_.end()) continue;
      const Napi::HandleScope scope(env);
      const napi_value callback = found->second.callback.Value();
      remove(env, id);
      const napi_value argument = Napi::Number::New(env, events);
      // Not by Napi::Function, whose wrapper ends a program with a fatal error that is about to end
      // by itself: the bell still rings while Node takes the environment down, and nothing can be
      // called then.
      const napi_status called =
          napi_make_callback(env, nullptr, env.Global(), callback, 1, &argument, nullptr);
      if (called != napi_ok) return;
    }
  }

  Bell bell_;
  std::unique_ptr<Poller> poller_;
  std::map<uint32_t, Waiting> callbacks_;
  uint32_t next_ = 1;
  int alive_ = 0;
};

// What belongs to an environment: the program's, or that of a worker thread of it.
struct Instance {
  explicit Instance(Env env) : waits(env) {}

  Waits waits;
#ifndef TSRUN_EXECUTABLE
  Children children;
#endif
};

Instance& instanceOf(Env env) {
  auto* instance = env.GetInstanceData<Instance>();
  if (instance == nullptr) {
    instance = new Instance(env);
    env.SetInstanceData(instance);
  }
  return *instance;
}

Value Wait(const CallbackInfo& info) {
  if (!info[4].IsFunction()) {
    wrongType(info.Env(), "a function is expected");
    return info.Env().Undefined();
  }
  // No sum with the clock overflows; nobody waits for so long.
  constexpr int64_t kLongest = int64_t{1} << 52;
  const int64_t timeoutMs = std::min(number(info, 2), kLongest);
  return result(
      info, instanceOf(info.Env())
                .waits.add(info.Env(), integer(info, 0), static_cast<uint32_t>(integer(info, 1)),
                           timeoutMs, number(info, 3) != 0, info[4].As<Napi::Function>()));
}

Value CancelWait(const CallbackInfo& info) {
  instanceOf(info.Env()).waits.cancel(info.Env(), static_cast<uint32_t>(integer(info, 0)));
  return info.Env().Undefined();
}

Value MonotonicNs(const CallbackInfo& info) {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return result(info, int64_t{time.tv_sec} * 1000000000 + time.tv_nsec);
}

constexpr Entry kEntries[] = {
    {"wait", Wait},
    {"cancelWait", CancelWait},
    {"monotonicNs", MonotonicNs},
};

}  // namespace

constinit const Entries kWaiting = kEntries;

#ifdef TSRUN_EXECUTABLE
// Its children get another parent when it ends.
void noteChild(Env /*env*/, int /*pidfd*/) {}
void forgetChild(Env /*env*/, int /*pidfd*/) {}
#else
void noteChild(Env env, int pidfd) { instanceOf(env).children.add(pidfd); }

void forgetChild(Env env, int pidfd) {
  auto* instance = env.GetInstanceData<Instance>();
  if (instance != nullptr) instance->children.remove(pidfd);
}
#endif

}  // namespace tsrun::binding
