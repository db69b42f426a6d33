// The plan as bytes, and the messages: what the parent and the helper share.
//
// The parent encodes (system/encode.cc), the helper decodes (decode.h). Both
// are built from one source tree into one addon, so there is no versioning:
// the magic number only guards against a mix-up.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace tsrun::wire {

enum class Op : uint32_t {
#define OPERATION(number, name, text, fields) name = (number),
#include "operations.def"
#undef OPERATION
};

// The fields of each operation, by its name.
namespace fields {
#define OPERATION(number, name, text, fields) inline constexpr const char* name = fields;
#include "operations.def"
#undef OPERATION
}  // namespace fields

struct Operation {
  Op op;
  // In the plan.
  const char* name;
  const char* fields;
};

inline constexpr Operation kOperations[] = {
#define OPERATION(number, name, text, fields) {Op::name, text, fields},
#include "operations.def"
#undef OPERATION
};

inline constexpr int kMaxNumbers = 10;
inline constexpr int kMaxTexts = 4;
inline constexpr int kMaxLists = 2;
// In the place of the slot of a `bind`: its source is a path in the container's root.
inline constexpr int64_t kSourceInRoot = -2;
inline constexpr uint32_t kMagic = 0x6e757274;  // "trun"

// A text: offset from the start of the plan, length without the NUL that follows it.
struct Text {
  uint32_t offset;
  uint32_t length;
};

// A list: offset of `count` 64-bit entries (texts: offsets, a NUL entry behind
// the last; numbers: the values), aligned to 8.
struct List {
  uint32_t offset;
  uint32_t count;
};

struct Step {
  Op op;
  uint32_t reserved;
  int64_t number[kMaxNumbers];
  Text text[kMaxTexts];
  List list[kMaxLists];
};

struct Header {
  uint32_t magic;
  uint32_t size;       // of the whole plan in bytes
  uint32_t steps;      // number of steps, which follow the header
  uint32_t slots;      // number of descriptor slots
  uint32_t inherited;  // slots that the parent has filled
  uint32_t preserved;  // descriptors from 3 on that the program keeps
  uint32_t trace;      // whether to time the steps
  uint32_t texts;      // where the texts start; the tables of the lists lie before
};

inline constexpr uint32_t kMaxSteps = 1u << 16;
inline constexpr uint32_t kMaxSlots = 1u << 14;
inline constexpr uint32_t kMaxPlan = 64u << 20;

// Not constexpr, so that calling it stops the compilation.
void noSuchField();

// Index of a field among the fields of its type, at compile time.
constexpr bool sameName(const char* field, const char* name) {
  while (*name != 0 && *field == *name) {
    field++;
    name++;
  }
  return *name == 0 && *field == ':';
}

consteval int fieldIndex(const char* fields, const char* name, char type) {
  int index = 0;
  const char* at = fields;
  while (*at != 0) {
    const char* start = at;
    while (*at != ':') at++;
    const char found = at[1];
    const bool sameKind = found == type || (type == 'l' && found == 'u');
    if (sameName(start, name)) {
      if (!sameKind) noSuchField();
      return index;
    }
    if (sameKind) index++;
    at += 2;
    while (*at == ' ') at++;
  }
  noSuchField();
  return -1;
}

// No number twice, fields of known types, and no more of them than a step has room for.
consteval bool operationsFit() {
  for (const Operation& operation : kOperations) {
    int same = 0;
    for (const Operation& other : kOperations) same += operation.op == other.op ? 1 : 0;
    if (same != 1) return false;
    int numbers = 0;
    int texts = 0;
    int lists = 0;
    for (const char* at = operation.fields; *at != 0; at++) {
      if (*at != ':') continue;
      const char type = at[1];
      if (type == 'n')
        numbers++;
      else if (type == 's')
        texts++;
      else if (type == 'l' || type == 'u')
        lists++;
      else
        return false;
    }
    if (numbers > kMaxNumbers || texts > kMaxTexts || lists > kMaxLists) return false;
  }
  return true;
}
static_assert(operationsFit());

// The messages, one a packet on a SOCK_SEQPACKET pair, after a first go: the plan is there.
//
//   helper → parent             means                                parent answers
//   ---------------------------------------------------------------------------------
//   Sync    value: SyncPoint    waits at a sync point                go (one byte)
//   Forked  fd: pidfd           second clone; the sender ends        go, to the new process
//   Console fd: pty master      text: its name                       -
//   Listener fd: seccomp(2)'s   the filter is loaded               go (one byte)
//   Tree    value: slot, fd: its mount namespace                      go, with a tree or without
//   Warning text                went on without something            -
//   Trace   times               monotonic ns at the end of each step -
//   Failed  value: errno, code  the step failed; the helper ends     -
//   end of the socket           execve, or the helper is gone        -
enum class Kind : uint32_t { Sync = 1, Failed, Forked, Console, Warning, Trace, Listener, Tree };

// The step of a Failed that comes before the first one: the code says what failed.
inline constexpr uint32_t kNoStep = 0xffffffff;

// The exit status of a helper that could not send a message, read an answer, or read the gate: this
// plus the errno.
inline constexpr int kExitUntold = 128;

// The helper's name until execve, which names the process after a file: that has no slash.
inline constexpr char kHelperName[] = "tsrun/helper";

struct MessageHeader {
  Kind kind;
  uint32_t step;
  int32_t value;
  uint32_t code;
};

inline constexpr size_t kMaxMessage = 4096;
inline constexpr char kGo = 'g';

// More than an errno says; src/plan/steps.ts has the same values.
enum class Code : uint32_t {
  None = 0,
  NotInPath = 1,
  IsDirectory = 2,
  MissingInterpreter = 3,
  NotExecutable = 4,
  WrongType = 5,
  OutsideRoot = 6,
  WrongFileSystem = 7,
  HookFailed = 8,
  HookTimeout = 9,
  Explained = 10,
  BadFormat = 11,
  NotApplied = 12,
  NamespaceChanged = 13,
  // Before the first step.
  PlaceDescriptors = 14,
  NullDevice = 15,
  CloseDescriptors = 16,
  KeepCapabilities = 17,
  ExecuteHelper = 18,
  CgroupWait = 19,
  ReadPlan = 20,
  DecodePlan = 21,
  SlotTable = 22,
  ResetSignals = 23,
};

}  // namespace tsrun::wire
