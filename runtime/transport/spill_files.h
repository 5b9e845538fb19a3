// Objects on disk: files of several objects each, in one or more folders of this process. A file is
//
//   {magic, version, number of parts}   16 bytes
//   per part: {owner, task, index, CRC-32, size, offset}   48 bytes, the offset counting from the first object's bytes
//   CRC-32 of all of this, 4 bytes
//   the objects' bytes, one after the other
//
// Numbers are little-endian. What is read is believed only if it is what was written.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "runtime/common/ids.h"
#include "runtime/common/status.h"
#include "runtime/transport/arena_map.h"

namespace orrery {

// One object in a file and in the arena.
struct SpillEntry {
  ObjectId object;
  int64_t offset = 0;       // in the arena
  int64_t size = 0;
  int64_t file_offset = 0;  // behind the file's head; for reading
};

class SpillFiles {
 public:
  // `folders` are made when first written to; files go to them in turn. None: every Write is kDiskFull.
  explicit SpillFiles(std::vector<std::string> folders);
  // Removes its files and folders.
  ~SpillFiles();
  SpillFiles(const SpillFiles&) = delete;
  SpillFiles& operator=(const SpillFiles&) = delete;

  // A new file with these entries, in order; `number` is never used twice. All of it or nothing: kDiskFull when no
  // folder has room (or may be written to); the message names the last one and why.
  Status Write(uint64_t number, const std::vector<SpillEntry>& entries, const ArenaMap& arena);
  // The entry's bytes back into the arena. kInvalidArgument ("malformed") when the file is short, changed or
  // another's; kNotFound
  // without such a file.
  Status Read(uint64_t number, const SpillEntry& entry, ArenaMap& arena) const;
  // Files that are not there are ignored.
  void Delete(uint64_t number);
  size_t size() const { return paths_.size(); }

 private:
  const std::vector<std::string> folders_;
  size_t next_folder_ = 0;
  std::map<uint64_t, std::string> paths_;
};

// The folders of this process below `parents`, "<parent>/<pid>-<start time>", after those of dead processes have been
// swept.
std::vector<std::string> SpillFolders(const std::vector<std::string>& parents);
// Removes what dead processes left in `parent`, and the folder itself when nothing is left.
void SweepSpillFolder(const std::string& parent);

}  // namespace orrery
