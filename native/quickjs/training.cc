#include "training.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "arena.h"
#include "chunks.h"

namespace tsrun::training {

namespace {

constexpr size_t kPage = 4096;
constexpr size_t kPages = 1 << 18;

// Shared by the processes that run the commands.
Record* record;
// Where every block is on pages of its own, and whose each page is.
char* region;
size_t used;
uint32_t owners[kPages];
bool readable[kPages];
// What runs now, and what it is about to be; 0 is for what has to be done before.
uint8_t command;
uint8_t current;
// What was written to before. The engine makes much at its first use: what the command reads of
// it, it would have made itself.
bool before[kMostBlocks];

[[noreturn]] void die(const std::string& message) {
  std::fprintf(stderr, "tsrun: cannot train: %s\n", message.c_str());
  _exit(1);
}

void* map(size_t size, int flags) {
  void* memory =
      mmap(nullptr, size, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) die("no memory");
  return memory;
}

char* scatter(size_t size) {
  const size_t pages = (size + 8 + kPage - 1) / kPage;
  if (record->count == kMostBlocks || used + pages > kPages) die("too many blocks");
  const auto index = static_cast<uint32_t>(record->count++);
  record->blocks[index].size = static_cast<uint32_t>(size);
  char* at = region + used * kPage;
  for (size_t i = 0; i < pages; i++) owners[used++] = index;
  // The block, behind its header, is at a multiple of 16.
  return at + 8;
}

// The first access is taken for reading; when it was not, it fails once more.
void noteAccess(int /*signal*/, siginfo_t* info, void* /*context*/) {
  const auto offset = static_cast<size_t>(static_cast<char*>(info->si_addr) - region);
  const size_t page = offset / kPage;
  if (page >= used) abort();
  const uint32_t owner = owners[page];
  if (command == 0) {
    before[owner] = true;
    mprotect(region + page * kPage, kPage, PROT_READ | PROT_WRITE);
    return;
  }
  Block& block = record->blocks[owner];
  if (before[owner] && block.writer == 0) block.writer = command;
  uint8_t& noted = readable[page] ? block.writer : block.reader;
  if (noted == 0) noted = command;
  mprotect(region + page * kPage, kPage, readable[page] ? PROT_READ | PROT_WRITE : PROT_READ);
  readable[page] = true;
}

void protect(int access) {
  memset(readable, 0, sizeof readable);
  if (mprotect(region, used * kPage, access) < 0) die("cannot protect the memory");
}

JSValue exported(Host& host, const char* module, const char* name) {
  const JSValue exports = host.import(module);
  const JSValue value =
      JS_IsException(exports) ? JS_EXCEPTION : JS_GetPropertyStr(host.context(), exports, name);
  if (JS_IsException(value)) die(host.describe(JS_GetException(host.context())));
  return value;
}

// What a command calls when it has everything it needs.
JSValue watch(JSContext* /*context*/, JSValueConst /*self*/, int /*count*/,
              JSValueConst* /*values*/) {
  protect(PROT_NONE);
  command = current;
  return JS_UNDEFINED;
}

[[noreturn]] void runCommand(Host& host, JSValueConst run, JSValueConst start,
                             JSValueConst native) {
  protect(PROT_READ);
  JSContext* context = host.context();
  JSValueConst arguments[] = {start, native, JS_NewCFunction(context, watch, "watch", 0)};
  const JSValue promise = JS_Call(context, run, JS_UNDEFINED, 3, arguments);
  if (JS_IsException(promise)) die(host.describe(JS_GetException(context)));
  JSValue outcome;
  if (!host.settle(promise, outcome)) die(host.describe(outcome));
  _exit(0);
}

void await(pid_t child) {
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) die("cannot wait for a process");
  if (status != 0) _exit(1);
}

[[noreturn]] void study(Program* (*load)(), const uint8_t* commands) {
  region = static_cast<char*>(map(kPages * kPage, MAP_PRIVATE));
  arena::place = scatter;
  Program* program = load();
  Host& host = program->host;
  arena::finish();
  arena::place = nullptr;

  const JSValue start = exported(host, "main.js", "start");
  useChunks(JS_GetRuntime(host.context()), commands);
  const JSValue list = exported(host, "training.js", "commands");
  struct sigaction action = {};
  action.sa_sigaction = noteAccess;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  sigaction(SIGSEGV, &action, nullptr);
  uint32_t count = 0;
  const JSValue length = JS_GetPropertyStr(host.context(), list, "length");
  JS_ToUint32(host.context(), &count, length);
  if (count == 0 || count > kMostCommands) die("there are too many commands, or none");
  for (uint32_t i = 0; i < count; i++) {
    const JSValue run = JS_GetPropertyUint32(host.context(), list, i);
    std::fflush(nullptr);
    const pid_t child = fork();
    if (child == 0) {
      current = static_cast<uint8_t>(i + 1);
      runCommand(host, run, start, program->native());
    }
    await(child);
  }
  _exit(0);
}

// The rooms of the blocks that each command writes to, in this order, then of those that it reads.
struct Room {
  char* next;
  char* end;
};
constexpr size_t kRooms = 2 * kMostCommands + 1;
Room rooms[kRooms];
size_t made;

// 0 is for what nobody uses.
size_t roomOf(const Block& block) {
  if (block.writer != 0) return block.writer;
  return block.reader == 0 ? 0 : kMostCommands + block.reader;
}

char* arranged(size_t size) {
  if (made == record->count) return nullptr;
  const Block& block = record->blocks[made++];
  Room& room = rooms[roomOf(block)];
  // None for those; and none for what is another block than it was.
  if (block.size != size || room.end - room.next < static_cast<long>(size)) {
    return nullptr;
  }
  char* at = room.next;
  room.next += size;
  return at;
}

}  // namespace

const Record& train(Program* (*load)(), const uint8_t* commands) {
  record = static_cast<Record*>(map(sizeof(Record), MAP_SHARED));
  const pid_t child = fork();
  if (child == 0) study(load, commands);
  await(child);
  return *record;
}

void arrange(const Record& found) {
  size_t sizes[kRooms] = {};
  for (size_t i = 0; i < found.count; i++) sizes[roomOf(found.blocks[i])] += found.blocks[i].size;
  for (size_t i = 1; i < kRooms; i++) {
    if (sizes[i] == 0) continue;
    rooms[i].next = arena::reserve(sizes[i]);
    rooms[i].end = rooms[i].next + sizes[i];
  }
  arena::place = arranged;
}

}  // namespace tsrun::training
