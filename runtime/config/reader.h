// Strict reading of maps: every key is asked for by name, whatever was not asked for is an error.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/common/fixed_point.h"
#include "runtime/common/status.h"
#include "runtime/common/time.h"
#include "runtime/config/document.h"

namespace orrery {

// Problems found so far; parsing goes on after one, so that a user sees them together.
class Problems {
 public:
  static constexpr size_t kMost = 20;
  // "WHERE: MESSAGE".
  void Add(const Value& at, const std::string& message);
  void AddLine(std::string line);
  // The message of a failed Status, at `at`.
  void Add(const Value& at, const Status& status) { Add(at, status.message()); }
  size_t count() const { return count_; }
  // ok, or kInvalidArgument with all lines in the order of the places in the file.
  Status ToStatus() const;

 private:
  struct Line {
    bool from_option;
    int line, column;
    std::string text;
  };
  std::vector<Line> lines_;
  size_t count_ = 0;
};

// "; did you mean 'x'?", or a list of the choices when nothing is near.
std::string Suggest(const std::string& word, const std::vector<std::string>& choices);

// Scalars. Each adds a problem and leaves `out` alone when the text does not fit.
void ReadText(const Value& value, Problems& problems, std::string& out);
void ReadFlag(const Value& value, Problems& problems, bool& out);
void ReadCount(const Value& value, Problems& problems, int64_t& out);
void ReadNumber(const Value& value, Problems& problems, double& out);
void ReadPositive(const Value& value, Problems& problems, double& out);  // a number above zero
void ReadTime(const Value& value, Problems& problems, Duration& out);
void ReadBytes(const Value& value, Problems& problems, int64_t& out);
void ReadBandwidth(const Value& value, Problems& problems, double& out);
void ReadRate(const Value& value, Problems& problems, double& out);
void ReadAmount(const Value& value, Problems& problems, FixedPoint& out);
void ReadPercent(const Value& value, Problems& problems, double& out);   // "5%" → 0.05
void ReadShare(const Value& value, Problems& problems, double& out);     // "5%" or 0.05, from 0 to 1

// A map under validation.
class MapReader {
 public:
  // `what` is the map's name in messages ("workload.generator"). Anything but a map is a problem.
  MapReader(const Value& value, Problems& problems, std::string what);

  // The value of `key`, or nullptr when absent or null; makes the key valid.
  const Value* Find(const std::string& key);
  // The same; its absence is a problem.
  const Value* Require(const std::string& key);
  // Reads `key` into `out` with one of the functions above; false when absent.
  template <class T>
  bool Read(const std::string& key, void (*read)(const Value&, Problems&, T&), T& out) {
    const Value* value = Find(key);
    if (value == nullptr) return false;
    read(*value, problems_, out);
    return true;
  }
  // Reads one of several names into an enum (or anything else).
  template <class T>
  bool Choose(const std::string& key, const std::vector<std::pair<std::string, T>>& choices, T& out) {
    const Value* value = Find(key);
    if (value == nullptr) return false;
    std::vector<std::string> names;
    for (const auto& [name, choice] : choices) {
      if (value->kind == Value::Kind::kScalar && value->scalar == name) return out = choice, true;
      names.push_back(name);
    }
    problems_.Add(*value, key + ": unknown " + value->Describe() + Suggest(value->scalar, names));
    return true;
  }
  // Adds a problem for every key that nobody asked for. Call once, at the end.
  void Finish();
  // A key that is valid elsewhere in this map but makes no sense here gets a message of its own.
  void Forbid(const std::string& key, const std::string& why);

  const Value& value() const { return value_; }
  Problems& problems() { return problems_; }
  const std::string& what() const { return what_; }

 private:
  const Value& value_;
  Problems& problems_;
  std::string what_;
  std::vector<std::string> known_;
};

// Calls `read` for each element of a list; anything but a list is a problem.
void ReadList(const Value& value, Problems& problems, const std::string& what,
              const std::function<void(const Value&)>& read);

}  // namespace orrery
