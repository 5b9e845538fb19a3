// What Address::Memory() is to a node manager under test: an arena and a disk that remember whose bytes lie where, so
// that a range that is used too early, too late or twice is seen.
#pragma once

#include <cstdint>
#include <map>
#include <set>

#include "runtime/common/ids.h"
#include "runtime/common/status.h"
#include "runtime/messages/message.h"

namespace orrery::test {

class TestMemory {
 public:
  // ---- the arena ----
  // A client writes its object.
  void Write(int64_t offset, int64_t size, ObjectId object) { arena_.Put(offset, size, {object, 0}); }
  // These are all the bytes of the object, in order.
  bool Holds(int64_t offset, int64_t size, ObjectId object) const { return arena_.Is(offset, size, {object, 0}); }

  // ---- the disk ----
  void SetDisk(int64_t bytes) { disk_ = bytes; }  // < 0: without limit
  // Every file that is there now cannot be read any more.
  void DamageFiles();
  int64_t bytes_on_disk() const;
  size_t files() const { return files_.size(); }

  // Does what a FetchChunk, WriteSpill, ReadSpill or DeleteSpill says, and returns the answer, or an empty message.
  // `remote`: the memory that the fetch reads, nullptr when it cannot be reached.
  Message Obey(const Message& order, const TestMemory* remote);

 private:
  // Byte `position` of an object.
  struct Origin {
    ObjectId object;
    int64_t position = 0;
    bool operator==(const Origin&) const = default;
  };
  // Ranges of bytes and where they came from; what was never written is not there.
  class Bytes {
   public:
    void Put(int64_t offset, int64_t size, Origin origin);
    bool Is(int64_t offset, int64_t size, Origin origin) const;
    void Clear(int64_t offset, int64_t size);
    // Copies [from_offset, from_offset + size) of `from` to `offset`.
    void Copy(const Bytes& from, int64_t from_offset, int64_t offset, int64_t size);

   private:
    struct Range {
      int64_t size = 0;
      Origin origin;
    };
    std::map<int64_t, Range> ranges_;
  };
  struct File {
    Bytes bytes;
    int64_t size = 0;
    bool damaged = false;
  };
  Message Fetch(const msg::FetchChunk& order, const TestMemory* remote);
  Message WriteFile(const msg::WriteSpill& order);
  Message ReadFile(const msg::ReadSpill& order);

  Bytes arena_;
  std::map<uint64_t, File> files_;
  int64_t disk_ = -1;
};

}  // namespace orrery::test
