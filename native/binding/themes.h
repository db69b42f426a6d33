// The functions of the binding, a list a theme, each in the file of its name. The contracts are in
// the files of the same names in src/native/types/.
#pragma once

#include <napi.h>

#include <span>

namespace tsrun::binding {

struct Entry {
  const char* name;
  Napi::Value (*function)(const Napi::CallbackInfo&);
};
using Entries = std::span<const Entry>;

extern const Entries kFiles;
extern const Entries kNamespaces;
extern const Entries kSockets;
extern const Entries kHelper;
extern const Entries kProcesses;
extern const Entries kTerminals;
extern const Entries kMounts;
extern const Entries kCgroups;
extern const Entries kSeccomp;
extern const Entries kBus;
extern const Entries kErrors;
extern const Entries kWaiting;

}  // namespace tsrun::binding
