// The module: the functions of all themes as properties of one object. Nothing but binding/ knows
// Node-API; each function turns arguments into plain C++, calls system/ or the kernel, and turns
// the answer back.

#include <napi.h>

#include <vector>

#include "themes.h"

namespace tsrun::binding {
namespace {

napi_value callEntry(napi_env env, napi_callback_info info) {
  const Napi::CallbackInfo arguments(env, info);
  return static_cast<const Entry*>(arguments.Data())->function(arguments);
}

// A theme in one go, so that a host can put off making each function until its first use.
void define(Napi::Env env, Napi::Object exports, Entries entries) {
  std::vector<napi_property_descriptor> properties;
  for (const Entry& entry : entries) {
    napi_property_descriptor property = {};
    property.utf8name = entry.name;
    property.method = callEntry;
    property.attributes = napi_default_jsproperty;
    property.data = const_cast<Entry*>(&entry);
    properties.push_back(property);
  }
  const napi_status status =
      napi_define_properties(env, exports, properties.size(), properties.data());
  NAPI_THROW_IF_FAILED_VOID(env, status);
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  for (const Entries theme : {kFiles, kNamespaces, kSockets, kHelper, kProcesses, kTerminals,
                              kMounts, kCgroups, kSeccomp, kBus, kErrors, kWaiting}) {
    define(env, exports, theme);
  }
  return exports;
}

}  // namespace
}  // namespace tsrun::binding

static Napi::Object initializeTsrun(Napi::Env env, Napi::Object exports) {
  return tsrun::binding::initialize(env, exports);
}

NODE_API_MODULE(tsrun, initializeTsrun)
