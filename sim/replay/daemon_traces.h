// What node managers of a replay write of objects ($ORRERY_TRACE_DIR), read back.
#pragma once

#include <string>
#include <vector>

#include "sim/replay/recording.h"

namespace orrery {

// A fresh folder for them, removed with this object.
class TraceFolder {
 public:
  TraceFolder();
  ~TraceFolder();
  TraceFolder(const TraceFolder&) = delete;
  TraceFolder& operator=(const TraceFolder&) = delete;
  const std::string& path() const { return path_; }  // "" when none could be made

 private:
  std::string path_;
};

// The object events of every "*.jsonl" in `folder`, file by file. A last line that breaks off (its process was killed)
// is left out. kInvalidArgument names the file and line that is not a traced event.
Result<std::vector<TimedEvent>> ReadObjectEvents(const std::string& folder);

}  // namespace orrery
