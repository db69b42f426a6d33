#include "arena.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

// The range (arena.ld, image.S): what the build has saved, then zeros.
extern "C" char tsrunArena[];
extern "C" char tsrunArenaEnd[];
// Where the program loader has come to.
extern "C" char tsrunArenaLoaded[];

namespace tsrun::arena {

namespace {

// A block is a multiple of 16 bytes, its size in the 8 before it. Blocks of one
// size that were released are in a list. Sizes over 1 KiB are rounded up to one
// of eight steps to the next power of two, so that there are few lists.
constexpr size_t kUnit = 16;
constexpr size_t kHeader = 8;
constexpr size_t kSmall = 1024;
constexpr size_t kSmallLists = kSmall / kUnit + 1;
constexpr size_t kLists = kSmallLists + 8 * 64;
// What is asked of the system when the range is used up.
constexpr size_t kMore = size_t{32} << 20;
// Blocks up to this size count as small; their space grows by pieces.
constexpr size_t kObject = 112;
constexpr size_t kPiece = 32768;

struct Free {
  Free* next;
};

// In the range itself, at its beginning: it is part of what is saved.
struct Space {
  char* next;  // the header of the next new block: 8 bytes below a multiple of 16
  char* end;
};

// Small blocks have pages of their own: these are the objects, whose reference
// counts a process writes to, and each page of the image that is written to is
// copied. Bytecode and strings are only read.
struct State {
  Space large;
  Space small;
  void* root;
  Free* lists[kLists];
};

State& state() { return *reinterpret_cast<State*>(tsrunArena); }

size_t& sizeOf(void* block) {
  return *reinterpret_cast<size_t*>(static_cast<char*>(block) - kHeader);
}

[[noreturn]] void outOfMemory() {
  constexpr char kText[] = "tsrun: cannot extend its memory: cannot allocate memory\n";
  [[maybe_unused]] const ssize_t written = write(2, kText, sizeof kText - 1);
  _exit(1);
}

// The block's size with its header, and its list.
struct Class {
  size_t size;
  size_t list;
};

Class classOf(size_t wanted) {
  if (wanted > SIZE_MAX / 4) outOfMemory();
  const size_t whole = (wanted + kHeader + kUnit - 1) & ~(kUnit - 1);
  if (whole <= kSmall) return {whole, whole / kUnit};
  const auto bits = static_cast<size_t>(63 - __builtin_clzl(whole - 1));
  const size_t step = size_t{1} << (bits - 3);
  const size_t rounded = (whole + step - 1) & ~(step - 1);
  // The last step of a power is the first of the next, by either way of counting.
  const auto top = static_cast<size_t>(63 - __builtin_clzl(rounded));
  return {rounded, kSmallLists + top * 8 + ((rounded >> (top - 3)) & 7)};
}

bool holds(const Space& space, size_t size) {
  return static_cast<size_t>(space.end - space.next) >= size + kUnit;
}

// Maps what is behind the image.
void mapRest() {
  static bool mapped = false;
  char* const from = tsrunArenaLoaded;
  char* const end = tsrunArenaEnd;
  if (mapped || from >= end) return;
  mapped = true;
  constexpr size_t kPage = 4096;
  const size_t length = (static_cast<size_t>(end - from) + kPage - 1) & ~(kPage - 1);
  const void* rest = mmap(from, length, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (rest != from) outOfMemory();
}

// Room of this size at the end of the range, or in a new one.
char* extend(size_t size) {
  Space& now = state().large;
  if (now.next == nullptr) {
    now.next = tsrunArena + ((sizeof(State) + kUnit - 1) & ~(kUnit - 1)) + kHeader;
    now.end = tsrunArenaEnd;
  }
  if (!holds(now, size)) {
    const size_t length = size + kUnit > kMore ? size + kUnit : kMore;
    void* more = mmap(nullptr, length, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (more == MAP_FAILED) outOfMemory();
    now.next = static_cast<char*>(more) + kHeader;
    now.end = static_cast<char*>(more) + length;
  }
  if (now.end == tsrunArenaEnd && now.next + size + kUnit > tsrunArenaLoaded) mapRest();
  char* room = now.next;
  now.next += size;
  return room;
}

char* fresh(size_t size) {
  char* room = place == nullptr ? nullptr : place(size);
  if (room != nullptr) {
    // Somebody has decided.
  } else if (size <= kObject) {
    Space& now = state().small;
    if (now.next == nullptr || !holds(now, size)) {
      now.next = extend(kPiece);
      now.end = now.next + kPiece;
    }
    room = now.next;
    now.next += size;
  } else {
    room = extend(size);
  }
  char* block = room + kHeader;
  sizeOf(block) = size;
  return block;
}

}  // namespace

char* (*place)(size_t size) = nullptr;

char* reserve(size_t size) { return extend(size); }

void* allocate(size_t size) {
  const Class wanted = classOf(size);
  Free*& list = state().lists[wanted.list];
  if (list == nullptr) return fresh(wanted.size);
  Free* block = list;
  list = block->next;
  return block;
}

void release(void* block) {
  if (block == nullptr) return;
  Free*& list = state().lists[classOf(sizeOf(block) - kHeader).list];
  auto* released = static_cast<Free*>(block);
  released->next = list;
  list = released;
}

void* resize(void* block, size_t size) {
  if (block == nullptr) return allocate(size);
  const size_t fits = usableSize(block);
  if (size <= fits) return block;
  void* moved = allocate(size);
  memcpy(moved, block, fits);
  release(block);
  return moved;
}

size_t usableSize(const void* block) {
  return block == nullptr ? 0 : sizeOf(const_cast<void*>(block)) - kHeader;
}

const JSMallocFunctions engine = {
    [](JSMallocState*, size_t size) -> void* { return size == 0 ? nullptr : allocate(size); },
    [](JSMallocState*, void* block) { release(block); },
    [](JSMallocState*, void* block, size_t size) -> void* {
      if (size > 0) return resize(block, size);
      release(block);
      return nullptr;
    },
    usableSize,
};

void*& root() { return state().root; }

char* begin() { return tsrunArena; }

char* finish() {
  for (Free*& list : state().lists) {
    while (list != nullptr) {
      Free* block = list;
      list = block->next;
      memset(static_cast<void*>(block), 0, usableSize(block));
    }
  }
  // New blocks come from pages of zeros behind the image, not from its gaps.
  state().small = {};
  return state().large.next;
}

}  // namespace tsrun::arena

// C++ objects too.
void* operator new(size_t size) { return tsrun::arena::allocate(size); }
void* operator new[](size_t size) { return tsrun::arena::allocate(size); }
void operator delete(void* block) noexcept { tsrun::arena::release(block); }
void operator delete[](void* block) noexcept { tsrun::arena::release(block); }
void operator delete(void* block, size_t) noexcept { tsrun::arena::release(block); }
void operator delete[](void* block, size_t) noexcept { tsrun::arena::release(block); }
