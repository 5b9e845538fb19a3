#include "runtime/main/trace_file.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "runtime/messages/trace_text.h"

namespace orrery {

std::unique_ptr<TraceFile> TraceFile::Open(const std::string& folder, const std::string& role, TraceSink& next) {
  const std::string path = folder + "/" + role + "-" + std::to_string(getpid()) + ".jsonl";
  std::FILE* file = std::fopen(path.c_str(), "we");
  if (file != nullptr) return std::unique_ptr<TraceFile>(new TraceFile(file, next));
  std::fprintf(stderr, "cannot write %s: %s\n", path.c_str(), std::strerror(errno));
  return nullptr;
}

TraceFile::~TraceFile() {
  Flush();
  std::fclose(file_);
}

void TraceFile::OnTrace(Time time, const TraceEvent& event) {
  next_.OnTrace(time, event);
  AppendTraceLine(lines_, time.ns, 0, event);
  lines_ += '\n';
}

void TraceFile::Flush() {
  if (lines_.empty()) return;
  std::fwrite(lines_.data(), 1, lines_.size(), file_);
  std::fflush(file_);
  lines_.clear();
}

}  // namespace orrery
