// Where two event logs part.
#include <deque>
#include <fstream>

#include "sim/engine/event_log.h"

namespace orrery {

Result<LogDifference> FindFirstDifference(const std::string& path_a, const std::string& path_b, size_t context) {
  std::ifstream a(path_a, std::ios::binary), b(path_b, std::ios::binary);
  if (!a) return Status(StatusCode::kNotFound, "cannot read " + path_a);
  if (!b) return Status(StatusCode::kNotFound, "cannot read " + path_b);
  LogDifference difference;
  std::deque<std::string> before;
  std::string line_a, line_b;
  for (uint64_t line = 1;; ++line) {
    const bool more_a = static_cast<bool>(std::getline(a, line_a));
    const bool more_b = static_cast<bool>(std::getline(b, line_b));
    if (!more_a && !more_b) return difference;
    if (more_a == more_b && line_a == line_b) {
      before.push_back(line_a);
      if (before.size() > context) before.pop_front();
      continue;
    }
    difference.equal = false;
    difference.line = line;
    difference.context.assign(before.begin(), before.end());
    if (more_a) difference.a = line_a;
    if (more_b) difference.b = line_b;
    return difference;
  }
}

std::string LogDifference::ToString() const {
  if (equal) return "no difference\n";
  std::string text = "first difference in line " + std::to_string(line) + "\n";
  for (const std::string& one : context) text += "  " + one + "\n";
  text += "- " + (a.empty() ? "(end of file)" : a) + "\n";
  text += "+ " + (b.empty() ? "(end of file)" : b) + "\n";
  return text;
}

}  // namespace orrery
