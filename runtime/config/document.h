// A parsed YAML document as a plain tree that knows where each value was written.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/common/status.h"

namespace orrery {

// A file, or one --set option, from which values come.
struct Source {
  std::string name;           // "mm1.yaml", or "--set run.seed=x"
  bool from_option = false;   // then values have no line, and relative paths count from the working directory
};

// One value of the tree.
struct Value {
  enum class Kind : uint8_t { kNull, kScalar, kList, kMap };
  struct Entry;               // a key of a map and its value

  Kind kind = Kind::kNull;
  std::string scalar;
  bool quoted = false;        // a quoted scalar is text, never null
  std::vector<Value> list;
  std::vector<Entry> map;     // in the order written
  std::shared_ptr<const Source> source;
  int line = 0, column = 0;   // from 1

  // The value of `key` in a map, or nullptr.
  Value* Find(const std::string& key);
  const Value* Find(const std::string& key) const;
  // "file:3:7", or "--set run.seed=x".
  std::string Where() const;
  // "a map", "a list", "'text'", "nothing": for messages.
  std::string Describe() const;
};

struct Value::Entry {
  Value key;                  // a scalar, for its place
  Value value;
};

// Parses one YAML document. Refused with kInvalidArgument "file:line:col: why": syntax errors, more than one document,
// duplicate keys, keys that are not plain names, nesting deeper than 32, more than 200,000 values (aliases count each
// time they are used).
Result<Value> ParseDocument(const std::string& text, std::shared_ptr<const Source> source);

}  // namespace orrery
