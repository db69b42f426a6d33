// The helper process: state shared by the files of native/child/.
//
// It walks the steps of a plan and decides nothing. It has no C library, no
// heap and one thread, runs from a sealed memory file, and ends in execve.
#pragma once

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>

#include "../wire/wire.h"
#include "sys.h"

namespace tsrun::child {

// Paths are PATH_MAX at most, the kernel's own bound.
inline constexpr size_t kPathSize = 4096;

// What a step adds to its errno when it fails.
struct Failure {
  wire::Code code;
  char text[kPathSize];
};

struct Helper {
  int socket;  // the parent
  int base;    // first descriptor that the program does not keep
  int* slots;  // descriptors by slot, -1 when empty
  uint32_t slotCount;
  uint32_t step;            // index of the current step
  int root;                 // the root mount, O_PATH; -1 before `root`
  int proc;                 // a procfs of our own; -1 before `proc`
  int onProc;               // the container's mounts on /proc and /sys, O_PATH;
  int onSys;                // -1 where there is none
  int onDev;                // the one on /dev, for what may follow no links
  bool sharing;             // the host may share mounts of the root
  int maskDirectory;        // the empty tmpfs over masked directories; -1 until one is needed
  long early;               // namespaces that were made before the plan was there,
  long earlyResult;         // and what came of it
  long umask;               // the caller's, for hooks; -1 once the process has its own
  int fifo;                 // the gate and the report to `start`, once past the gate;
  int gate;                 // -1 before
  bool filtered;            // a filter of system calls is loaded
  bool cwdDenied;           // the early `cwd` was refused, the late one tries again
  char program[kPathSize];  // what `find` found
  Failure failure;
};

extern Helper self;

// The step's arguments by field name, resolved at compile time.
#define NUMBER(step, operation, field) \
  ((step).number[wire::fieldIndex(wire::fields::operation, #field, 'n')])
#define TEXT(step, operation, field) \
  (textOf((step).text[wire::fieldIndex(wire::fields::operation, #field, 's')]))
#define TEXTS(step, operation, field) \
  (textsOf((step).list[wire::fieldIndex(wire::fields::operation, #field, 'l')]))
#define LIST(step, operation, field) \
  ((step).list[wire::fieldIndex(wire::fields::operation, #field, 'l')])

extern char* planBase;
inline const char* textOf(wire::Text text) { return planBase + text.offset; }
inline char** textsOf(wire::List list) { return reinterpret_cast<char**>(planBase + list.offset); }
inline const int64_t* numbersOf(wire::List list) {
  return reinterpret_cast<const int64_t*>(planBase + list.offset);
}

// text.cc
size_t length(const char* text);
bool equal(const char* a, const char* b);
bool startsWith(const char* text, const char* prefix);
// Appends to a buffer of `size` bytes, always ending in NUL; false when it did not fit.
bool append(char* buffer, size_t size, const char* text);
bool appendNumber(char* buffer, size_t size, int64_t value);

// report.cc
// Sets the object of the failure and gives `result` back, so that a step can
// `return fail(result, path)`.
long fail(long result, const char* text, wire::Code code = wire::Code::None);
void send(wire::Kind kind, int32_t value, wire::Code code, const void* data, size_t size,
          int fd = -1);
void warn(const char* text);
// Tells the parent, or `start` behind the gate, and ends the process.
[[noreturn]] void die(long result);
// Tells `start` by the record, and `create`, which reads none, by the exit status.
[[noreturn]] void dieAtGate(long result);
// Waits until the parent lets the helper go on; ends the process when it is gone.
void waitForParent();

// descriptors.cc
// The descriptor of a slot; -EBADF when the slot is empty or out of range.
long slot(int64_t index);
long setSlot(int64_t index, int fd);

// paths.cc: everything in the container's root, by descriptor, see security.md rows 6 and 7
// What is below /proc or /sys is looked for in the mount that was made there,
// whatever those names lead to by now; what is below /dev too where `resolve` forbids links.
long openInRoot(const char* path, int flags, uint64_t resolve = 0);
// Keeps a descriptor of the mount on /proc, /sys or /dev; of others it does not.
long keepMount(const char* path, int mount);
// O_PATH descriptor of a directory in the root, made with its parents where missing.
long makeDirectory(const char* path, unsigned mode);
// The directory that holds the last component of `path` (made where missing),
// and that component's name in `name`.
long openParent(const char* path, char* name, size_t size, uint64_t resolve = 0);
// O_PATH descriptor of a mount target: a directory, or a file; made where missing.
long makeTarget(const char* path, bool directory, uint64_t resolve = 0);

// proc.cc
// What is below the root of a procfs: of no other file system, by no magic link; `resolve`
// forbids more (openat2(2)).
long openInProc(int proc, const char* path, int flags, uint64_t resolve);
// The same below /proc, which may be that of a mount namespace that was joined, and hold anything.
long openOwnProc(const char* path, int flags);
// A file below a directory of the procfs of our own.
long openProcFile(const char* directory, const char* file, int flags, uint64_t resolve);

// Each operation by its name in wire/operations.def, one file a theme. 0, or a negated errno.
namespace operations {
#define OPERATION(number, name, text, fields) long name(const wire::Step& step);
#include "../wire/operations.def"
#undef OPERATION
}  // namespace operations

// One entry of a directory, as getdents64(2) writes it.
struct DirectoryEntry {
  uint64_t inode;
  int64_t offset;
  unsigned short size;
  unsigned char type;
  char name[1];
};

// file-systems.cc: a mount that is nowhere yet, or a negated errno
// `covered` is the directory that it is going to cover, negative where that was not there.
long makeFileSystem(const wire::Step& step, const char* target, long covered);
// A tmpfs with room for so many files, its root included.
long emptyFileSystem(const char* label, const char* files, unsigned attributes);

// copy.cc: the contents of one directory into another, for tmpcopyup
long copyTree(int from, int to);

// mount-calls.cc
struct MountAttributes {
  uint64_t set;
  uint64_t clear;
  uint64_t propagation;
  uint64_t userNamespace;
};
// The directory of a root file system, which is the one in the slot where there is one: the path
// may lead elsewhere by now (-ESTALE).
long openRootOf(const char* path, int64_t place);
long openTreeAt(int dir, const char* path, unsigned flags);
long mountSetattr(int dir, const char* path, unsigned flags, const MountAttributes& attributes);
long moveMount(int tree, int target);
// The same onto a target in the container's root, which `path` leads to: the host does not get what
// comes onto a mount that it shares. Null where the host does not share it.
long attachMount(int tree, int target, const char* path);
// mounts.cc: a clone of what is at one descriptor onto what is at another, to which `path` leads;
// flags: AT_RECURSIVE
long cloneOnto(int source, int target, const char* path, unsigned flags,
               const MountAttributes& attributes);
// Each 1, 0, or a negated errno, which is no answer. isMountRoot: whether a mount begins there.
long isMountRoot(int fd);
long isDirectory(int fd);
long sameFile(int a, int b);
// The magic number of the file system, or a negated errno.
long fileSystemType(int fd);

}  // namespace tsrun::child
