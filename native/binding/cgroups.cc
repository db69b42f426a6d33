#include "../system/bpf.h"
#include "arguments.h"
#include "themes.h"

namespace tsrun::binding {
namespace {

Value LoadDeviceProgram(const CallbackInfo& info) {
  REQUIRE_DATA(instructions, 0);
  return result(info, loadDeviceProgram(instructions.at, instructions.size));
}

Value AttachDeviceProgram(const CallbackInfo& info) {
  return result(info, attachDeviceProgram(integer(info, 0), integer(info, 1), integer(info, 2)));
}

Value DetachDeviceProgram(const CallbackInfo& info) {
  return result(info, detachDeviceProgram(integer(info, 0), integer(info, 1)));
}

Value DevicePrograms(const CallbackInfo& info) {
  std::vector<DeviceProgram> found;
  const long status = devicePrograms(integer(info, 0), found);
  if (status < 0) return result(info, status);
  auto programs = Napi::Array::New(info.Env());
  uint32_t count = 0;
  for (const DeviceProgram& program : found) {
    auto object = Napi::Object::New(info.Env());
    object.Set("fd", result(info, program.fd));
    object.Set("name", string(info, program.name));
    programs.Set(count++, object);
  }
  return programs;
}

constexpr Entry kEntries[] = {
    {"loadDeviceProgram", LoadDeviceProgram},
    {"attachDeviceProgram", AttachDeviceProgram},
    {"detachDeviceProgram", DetachDeviceProgram},
    {"devicePrograms", DevicePrograms},
};

}  // namespace

constinit const Entries kCgroups = kEntries;

}  // namespace tsrun::binding
