// Copies on disk: which objects are written, into which files, and what becomes of the files.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "runtime/common/ids.h"
#include "runtime/common/status.h"
#include "runtime/messages/kinds.h"
#include "runtime/object_store/local_objects.h"
#include "runtime/object_store/store_context.h"

namespace orrery {

// Writing an object does not drop it from memory: it becomes evictable, which costs nothing when room is needed (Ray's
// local_object_manager.cc drops it at once). Objects are fused into files of about spill_fuse_bytes; a file is deleted
// when the last object in it is forgotten. The disk is Address::Memory()'s: it answers every order once.
class SpillManager {
 public:
  static constexpr int kWritesInFlight = 4;
  // After a refusal the disk is asked again when a file of ours has gone, or after this time.
  static constexpr Duration kAskAgain = Duration::Seconds(1);

  SpillManager(const StoreContext& context, LocalObjects& objects);

  // Writes spillable objects, oldest first, until about `bytes` are under way. False: nothing is under way.
  bool Spill(int64_t bytes);
  // Bytes that are being written.
  int64_t writing() const { return writing_; }
  // Ok, or why nothing can be written now: spilling is off, or DiskFull.
  Status Refusal() const;
  // The objects of that write, now kSealed again, on disk if all went well.
  std::vector<ObjectId> OnSpillWritten(const msg::SpillWritten& written);

  // Reads back an object that has room, kRestoring.
  void Read(const LocalObject& object);
  // Which object was read, and whether its bytes are there now.
  std::optional<std::pair<ObjectId, Status>> OnSpillRead(const msg::SpillRead& read);

  // The copy on disk is needed no more.
  void Forget(LocalObject& object);

  int64_t bytes_on_disk() const { return bytes_on_disk_; }
  size_t files() const { return files_.size(); }
  size_t reads() const { return reads_.size(); }
  void CheckInvariants() const;

 private:
  struct File {
    int64_t bytes = 0;
    std::vector<ObjectId> writing;  // until it is written
    uint32_t objects = 0;           // whose copy is in it
  };
  bool WriteOne(int64_t bytes);
  void DeleteIfUnused(uint64_t file);

  const StoreContext& context_;
  LocalObjects& objects_;
  const bool enabled_;
  std::map<uint64_t, File> files_;
  std::map<uint64_t, ObjectId> reads_;
  uint64_t next_file_ = 1, next_read_ = 1;
  int64_t writing_ = 0;
  int writes_ = 0;
  int64_t bytes_on_disk_ = 0;   // of files that are written or being written
  bool one_by_one_ = false;     // the disk refused a file of several objects: perhaps it takes one
  Status refusal_;
  Time ask_again_;
};

}  // namespace orrery
