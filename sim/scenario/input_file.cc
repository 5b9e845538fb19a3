#include "sim/scenario/input_file.h"

#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace orrery {

namespace {

constexpr size_t kLargestFile = size_t{4} << 30;
constexpr size_t kChunk = size_t{1} << 20;

struct CloseGz {
  void operator()(gzFile file) const { gzclose_r(file); }
};

Status CannotOpen(const std::string& path, const char* reason) {
  return {StatusCode::kNotFound, "cannot read '" + path + "': " + reason};
}

}  // namespace

Result<std::string> ReadInputFile(const std::string& path) {
  struct stat info = {};
  if (stat(path.c_str(), &info) != 0) return CannotOpen(path, std::strerror(errno));
  if (S_ISDIR(info.st_mode)) return CannotOpen(path, "it is a folder");
  errno = 0;
  const std::unique_ptr<gzFile_s, CloseGz> file(gzopen(path.c_str(), "rb"));
  if (file == nullptr) return CannotOpen(path, errno != 0 ? std::strerror(errno) : "out of memory");
  gzbuffer(file.get(), 1 << 18);
  std::string text;
  for (;;) {
    const size_t before = text.size();
    text.resize(before + kChunk);
    const int got = gzread(file.get(), text.data() + before, kChunk);
    text.resize(before + static_cast<size_t>(got > 0 ? got : 0));
    // zlib reports a stream that is cut off only once all before it was delivered, and only through gzerror.
    int code = Z_OK;
    const char* reason = gzerror(file.get(), &code);
    if (got < 0 || (code != Z_OK && code != Z_STREAM_END)) {
      return Status(StatusCode::kInvalidArgument, "'" + path + "' is damaged or cut off: " + reason);
    }
    if (got == 0) return text;
    if (text.size() > kLargestFile) return Status(StatusCode::kTooLarge, "'" + path + "' holds more than 4 GiB");
  }
}

bool FileExists(const std::string& path) {
  struct stat info = {};
  return stat(path.c_str(), &info) == 0 && !S_ISDIR(info.st_mode) && access(path.c_str(), R_OK) == 0;
}

std::string ResolveBeside(const std::string& file, const std::string& path) {
  if (path.empty() || path.front() == '/') return path;
  const size_t slash = file.rfind('/');
  return slash == std::string::npos ? path : file.substr(0, slash + 1) + path;
}

std::string FileStem(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string leaf = slash == std::string::npos ? path : path.substr(slash + 1);
  const size_t dot = leaf.rfind('.');
  return dot == std::string::npos || dot == 0 ? leaf : leaf.substr(0, dot);
}

}  // namespace orrery
