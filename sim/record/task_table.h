// One row per task, small and in chunks, so that a million tasks need no large moves.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/common/ids.h"
#include "runtime/common/lookup.h"

namespace orrery {

struct TaskRow {
  static constexpr int64_t kUnknown = INT64_MIN;
  TaskId id;
  int64_t submit = kUnknown, start = kUnknown, finish = kUnknown;  // ns
  WorkerId worker;
  double cpus = 0, gpus = 0;
  NodeId node;
  JobId job;
  uint32_t name = 0;      // offset in the name store
  uint32_t retries = 0;
  int8_t status = -1;     // StatusCode of the end; -1: not ended
  bool counted = false;   // in the statistics
  bool creates_actor = false;
};

// Names, written one after the other; equal names share a place as long as there are few of them.
class NameStore {
 public:
  NameStore() { Append(""); }
  uint32_t Add(std::string_view name);
  std::string_view At(uint32_t offset) const;
  size_t MemoryBytes() const { return bytes_.capacity() + places_.size() * 64; }

 private:
  uint32_t Append(std::string_view name);
  static constexpr size_t kMostShared = 4096;
  std::string bytes_;                       // length (four bytes), then the name
  Lookup<uint64_t, uint32_t> places_;       // hash of a name → a place to compare with
};

class TaskTable {
 public:
  // The row of `id`, or nullptr.
  TaskRow* Find(TaskId id);
  // A new row at the end; `id` must be new.
  TaskRow& Add(TaskId id);
  size_t size() const { return size_; }
  TaskRow& operator[](size_t i) { return chunks_[i / kChunk][i % kChunk]; }
  const TaskRow& operator[](size_t i) const { return chunks_[i / kChunk][i % kChunk]; }
  NameStore& names() { return names_; }
  const NameStore& names() const { return names_; }
  size_t MemoryBytes() const;

 private:
  static constexpr size_t kChunk = 4096;
  std::vector<std::unique_ptr<TaskRow[]>> chunks_;
  size_t size_ = 0;
  Lookup<TaskId, uint32_t> index_;
  NameStore names_;
};

}  // namespace orrery
