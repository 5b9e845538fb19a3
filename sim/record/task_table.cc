#include "sim/record/task_table.h"

#include <cstring>

#include "runtime/common/assert.h"
#include "runtime/common/random.h"

namespace orrery {

uint32_t NameStore::Append(std::string_view name) {
  ORRERY_ASSERT(bytes_.size() + name.size() + 4 < UINT32_MAX);
  const uint32_t offset = static_cast<uint32_t>(bytes_.size());
  const uint32_t length = static_cast<uint32_t>(name.size());
  char head[4];
  std::memcpy(head, &length, sizeof head);
  bytes_.append(head, sizeof head).append(name);
  return offset;
}

std::string_view NameStore::At(uint32_t offset) const {
  uint32_t length;
  std::memcpy(&length, bytes_.data() + offset, sizeof length);
  return std::string_view(bytes_).substr(offset + sizeof length, length);
}

uint32_t NameStore::Add(std::string_view name) {
  if (name.empty()) return 0;
  const uint64_t hash = HashName(name);
  if (const uint32_t* place = places_.Find(hash); place != nullptr && At(*place) == name) return *place;
  const uint32_t offset = Append(name);
  if (places_.size() < kMostShared) places_.Insert(hash, offset);
  return offset;
}

TaskRow* TaskTable::Find(TaskId id) {
  const uint32_t* row = index_.Find(id);
  return row == nullptr ? nullptr : &(*this)[*row];
}

TaskRow& TaskTable::Add(TaskId id) {
  if (size_ % kChunk == 0) chunks_.push_back(std::make_unique<TaskRow[]>(kChunk));
  const bool is_new = index_.Insert(id, static_cast<uint32_t>(size_)).second;
  ORRERY_ASSERT(is_new);
  TaskRow& row = (*this)[size_++];
  row.id = id;
  return row;
}

size_t TaskTable::MemoryBytes() const {
  // A bucket of the index: the id, the row, the distance from its home; at least as many again stand empty.
  return chunks_.size() * kChunk * sizeof(TaskRow) + index_.size() * 2 * 40 + names_.MemoryBytes();
}

}  // namespace orrery
