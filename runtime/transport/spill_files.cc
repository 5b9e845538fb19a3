#include "runtime/transport/spill_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "runtime/transport/session.h"

namespace orrery {

namespace {

constexpr char kMagic[8] = {'O', 'R', 'R', 'S', 'P', 'I', 'L', 'L'};
constexpr uint32_t kVersion = 1;
constexpr size_t kMaxParts = 1 << 20;
constexpr size_t kIoPiece = size_t{8} << 20;

struct FileHead {
  char magic[8];
  uint32_t version;
  uint32_t parts;
};
struct PartHead {
  uint64_t owner, task, index;
  uint64_t crc;
  int64_t size, offset;
};
static_assert(sizeof(FileHead) == 16 && sizeof(PartHead) == 48);
using Crc = uint32_t;

Crc CrcOf(const char* data, size_t size) {
  return static_cast<Crc>(crc32_z(0, reinterpret_cast<const Bytef*>(data), size));
}

size_t HeadBytes(size_t parts) { return sizeof(FileHead) + parts * sizeof(PartHead) + sizeof(Crc); }

class File {
 public:
  File(const std::string& path, int flags) : fd_(open(path.c_str(), flags | O_CLOEXEC, 0600)) {}
  ~File() {
    if (fd_ >= 0) close(fd_);
  }
  bool ok() const { return fd_ >= 0; }
  // False with errno; ENODATA at the end of the file.
  bool Write(const char* data, size_t size) {
    return All(size, [&](size_t at, size_t n) { return write(fd_, data + at, n); });
  }
  bool Read(char* data, size_t size, int64_t offset) {
    return All(size, [&](size_t at, size_t n) { return pread(fd_, data + at, n, offset + static_cast<int64_t>(at)); });
  }

 private:
  template <class Step>
  bool All(size_t size, Step step) {
    for (size_t at = 0; at < size;) {
      const ssize_t n = step(at, std::min(size - at, kIoPiece));
      if (n < 0 && errno == EINTR) continue;
      if (n == 0) errno = ENODATA;
      if (n <= 0) return false;
      at += static_cast<size_t>(n);
    }
    return true;
  }
  const int fd_;
};

std::string HeadOf(const std::vector<SpillEntry>& entries, const ArenaMap& arena) {
  FileHead head{{}, kVersion, static_cast<uint32_t>(entries.size())};
  std::memcpy(head.magic, kMagic, sizeof kMagic);
  std::string text(reinterpret_cast<const char*>(&head), sizeof head);
  int64_t offset = 0;
  for (const SpillEntry& entry : entries) {
    const PartHead part{entry.object.task.owner.value,
                        entry.object.task.index,
                        entry.object.index,
                        CrcOf(arena.Read(entry.offset), static_cast<size_t>(entry.size)),
                        entry.size,
                        offset};
    text.append(reinterpret_cast<const char*>(&part), sizeof part);
    offset += entry.size;
  }
  const Crc crc = CrcOf(text.data(), text.size());
  return text.append(reinterpret_cast<const char*>(&crc), sizeof crc);
}

// 0, or errno.
int WriteFile(const std::string& path, const std::string& head, const std::vector<SpillEntry>& entries,
              const ArenaMap& arena) {
  File file(path, O_WRONLY | O_CREAT | O_EXCL);
  bool good = file.ok() && file.Write(head.data(), head.size());
  for (size_t i = 0; good && i < entries.size(); ++i)
    good = file.Write(arena.Read(entries[i].offset), static_cast<size_t>(entries[i].size));
  const int error = good ? 0 : errno;
  if (!good && file.ok()) unlink(path.c_str());
  return error;
}

bool MakeFolders(const std::string& path) {
  for (size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1))
    mkdir(path.substr(0, slash).c_str(), 0700);
  return mkdir(path.c_str(), 0700) == 0 || errno == EEXIST;
}

Status Malformed(const std::string& path, const char* why) {
  return {StatusCode::kInvalidArgument, "the spill file " + path + " is malformed: " + why};
}

}  // namespace

SpillFiles::SpillFiles(std::vector<std::string> folders) : folders_(std::move(folders)) {}

SpillFiles::~SpillFiles() {
  for (const auto& [number, path] : paths_) unlink(path.c_str());
  for (const std::string& folder : folders_) {
    rmdir(folder.c_str());
    rmdir(folder.substr(0, folder.rfind('/')).c_str());  // of all processes; stays while another has files
  }
}

Status SpillFiles::Write(uint64_t number, const std::vector<SpillEntry>& entries, const ArenaMap& arena) {
  for (const SpillEntry& entry : entries) ORRERY_ASSERT(arena.Contains(entry.offset, entry.size));
  if (folders_.empty()) return {StatusCode::kDiskFull, "spilling is switched off (setting spill_directories)"};
  const std::string head = HeadOf(entries, arena);
  std::string why;
  for (size_t tries = 0; tries < folders_.size(); ++tries) {
    const std::string& folder = folders_[next_folder_++ % folders_.size()];
    const std::string path = folder + "/" + std::to_string(number) + ".spill";
    const int error = MakeFolders(folder) ? WriteFile(path, head, entries, arena) : errno;
    if (error == 0) {
      paths_[number] = path;
      return Status::Ok();
    }
    why = "cannot write " + path + ": " + std::strerror(error);
  }
  return {StatusCode::kDiskFull, why};
}

Status SpillFiles::Read(uint64_t number, const SpillEntry& entry, ArenaMap& arena) const {
  const auto found = paths_.find(number);
  if (found == paths_.end()) return {StatusCode::kNotFound, "there is no spill file " + std::to_string(number)};
  const std::string& path = found->second;
  File file(path, O_RDONLY);
  FileHead head{};
  if (!file.ok()) return Malformed(path, std::strerror(errno));
  if (!file.Read(reinterpret_cast<char*>(&head), sizeof head, 0)) return Malformed(path, "it is too short");
  if (std::memcmp(head.magic, kMagic, sizeof kMagic) != 0 || head.version != kVersion || head.parts > kMaxParts)
    return Malformed(path, "it does not begin like one");
  std::string text(HeadBytes(head.parts), '\0');
  if (!file.Read(text.data(), text.size(), 0)) return Malformed(path, "it is too short");
  Crc crc = 0;
  std::memcpy(&crc, text.data() + text.size() - sizeof crc, sizeof crc);
  if (crc != CrcOf(text.data(), text.size() - sizeof crc)) return Malformed(path, "its head was changed");
  for (size_t i = 0; i < head.parts; ++i) {
    PartHead part{};
    std::memcpy(&part, text.data() + sizeof head + i * sizeof part, sizeof part);
    const ObjectId object{{WorkerId{part.owner}, part.task}, static_cast<uint32_t>(part.index)};
    if (object != entry.object || part.size != entry.size || part.offset != entry.file_offset) continue;
    Result<char*> to = arena.Write(entry.offset, entry.size);
    if (!to.ok()) return to.status();
    if (!file.Read(*to, static_cast<size_t>(entry.size), static_cast<int64_t>(text.size()) + part.offset))
      return Malformed(path, "it is too short");
    if (part.crc != CrcOf(*to, static_cast<size_t>(entry.size)))
      return Malformed(path, "an object's bytes were changed");
    return Status::Ok();
  }
  return Malformed(path, ("it does not hold " + ToString(entry.object)).c_str());
}

void SpillFiles::Delete(uint64_t number) {
  const auto found = paths_.find(number);
  if (found == paths_.end()) return;
  unlink(found->second.c_str());
  paths_.erase(found);
}

// ---- folders ----

void SweepSpillFolder(const std::string& parent) {
  DIR* directory = opendir(parent.c_str());
  if (directory == nullptr) return;
  std::vector<std::string> dead;
  while (const dirent* entry = readdir(directory)) {
    DaemonRecord process;
    const std::string name = entry->d_name;
    const auto pid = std::from_chars(name.data(), name.data() + name.size(), process.pid);
    if (pid.ec != std::errc() || *pid.ptr != '-') continue;
    const auto start = std::from_chars(pid.ptr + 1, name.data() + name.size(), process.start_time);
    if (start.ec == std::errc() && *start.ptr == '\0' && !IsAlive(process)) dead.push_back(parent + "/" + name);
  }
  closedir(directory);
  for (const std::string& folder : dead) {
    if (DIR* inside = opendir(folder.c_str())) {
      while (const dirent* entry = readdir(inside)) {
        if (std::string(entry->d_name).ends_with(".spill")) unlinkat(dirfd(inside), entry->d_name, 0);
      }
      closedir(inside);
    }
    rmdir(folder.c_str());
  }
  rmdir(parent.c_str());
}

std::vector<std::string> SpillFolders(const std::vector<std::string>& parents) {
  const std::string own = std::to_string(getpid()) + "-" + std::to_string(ProcessStartTime(getpid()));
  std::vector<std::string> folders;
  for (const std::string& parent : parents) {
    SweepSpillFolder(parent);
    folders.push_back(parent + "/" + own);
  }
  return folders;
}

}  // namespace orrery
