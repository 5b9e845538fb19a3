// summary.json of a result folder: a tree of numbers and words, addressed by dotted paths.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/common/status.h"

namespace orrery {

struct CheckResult {
  std::string name;
  bool ok = false;
  std::string detail;  // one sentence with the numbers compared
};

// Keys keep the order in which they were first set. Paths: "wait_s.p95". Copies are deep.
class Summary {
 public:
  Summary();
  Summary(const Summary& other);
  Summary(Summary&& other) noexcept;
  Summary& operator=(Summary other) noexcept;
  ~Summary();

  void SetNumber(std::string_view path, double value);  // not finite: null
  void SetInteger(std::string_view path, int64_t value);
  void SetUnsigned(std::string_view path, uint64_t value);
  void SetString(std::string_view path, std::string_view value);
  void SetBool(std::string_view path, bool value);
  void SetNull(std::string_view path);
  // Replaces "checks".
  void SetChecks(const std::vector<CheckResult>& checks);

  // The number (or bool as 0 and 1) at the path; nothing when it is absent, null or not a number.
  std::optional<double> Number(std::string_view path) const;
  std::optional<std::string> String(std::string_view path) const;
  // Every path that holds a number, in order; for "did you mean".
  std::vector<std::string> NumberPaths() const;
  // All checks are ok (true when there are none).
  bool ChecksOk() const;

  // JSON text, indented by two, with a newline at its end; or on one line without newline.
  std::string ToJson(bool indented = true) const;
  // kInvalidArgument when the text is not a JSON object.
  static Result<Summary> FromJson(std::string_view text);

 private:
  struct Tree;
  std::unique_ptr<Tree> tree_;
};

}  // namespace orrery
