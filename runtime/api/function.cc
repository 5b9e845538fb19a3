#include "runtime/api/function.h"

#include <map>

namespace orrery::internal {

namespace {

struct Entry {
  const FunctionInfo* info = nullptr;
  bool ambiguous = false;
};

// Filled before main and by loaded libraries, read afterwards.
std::map<uint64_t, Entry>& Table() {
  static auto* table = new std::map<uint64_t, Entry>;  // outlives every static that might still call
  return *table;
}

std::string Hex(uint64_t value) {
  std::string text;
  for (int shift = 60; shift >= 0; shift -= 4) text += "0123456789abcdef"[(value >> shift) & 15];
  return text;
}

}  // namespace

bool RegisterFunction(const FunctionInfo* info) {
  Entry& entry = Table()[info->id];
  if (entry.info != nullptr && entry.info->thunk != info->thunk) entry.ambiguous = true;
  entry.info = info;
  return true;
}

Result<const FunctionInfo*> FindFunction(uint64_t id) {
  auto it = Table().find(id);
  if (it == Table().end()) {
    return Status(StatusCode::kNotFound,
                  "the worker's executable has no function with id " + Hex(id) +
                      ": it was built from other sources than the driver's, or f changed its signature");
  }
  if (it->second.ambiguous) {
    return Status(StatusCode::kAlreadyExists, "two functions of this executable share the name '" +
                                                  std::string(it->second.info->name) +
                                                  "' and signature (in unnamed namespaces of two files?): rename one");
  }
  return it->second.info;
}

}  // namespace orrery::internal
