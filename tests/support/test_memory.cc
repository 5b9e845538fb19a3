#include "tests/support/test_memory.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "runtime/messages/orrery.pb.h"

namespace orrery::test {

void TestMemory::Bytes::Clear(int64_t offset, int64_t size) {
  const int64_t end = offset + size;
  auto it = ranges_.lower_bound(offset);
  if (it != ranges_.begin()) --it;
  std::vector<std::pair<int64_t, Range>> rests;
  while (it != ranges_.end() && it->first < end) {
    const int64_t begin = it->first;
    const Range range = it->second;
    const int64_t range_end = begin + range.size;
    if (range_end <= offset) {
      ++it;
      continue;
    }
    it = ranges_.erase(it);
    if (begin < offset) rests.emplace_back(begin, Range{offset - begin, range.origin});
    if (range_end > end) {
      rests.emplace_back(end, Range{range_end - end, {range.origin.object, range.origin.position + end - begin}});
    }
  }
  for (const auto& [at, range] : rests) ranges_.emplace(at, range);
}

void TestMemory::Bytes::Put(int64_t offset, int64_t size, Origin origin) {
  Clear(offset, size);
  ranges_.emplace(offset, Range{size, origin});
}

bool TestMemory::Bytes::Is(int64_t offset, int64_t size, Origin origin) const {
  const int64_t end = offset + size;
  while (offset < end) {
    auto it = ranges_.upper_bound(offset);
    if (it == ranges_.begin()) return false;
    --it;
    const int64_t into = offset - it->first;
    if (into >= it->second.size) return false;
    const Origin here{it->second.origin.object, it->second.origin.position + into};
    if (here != origin) return false;
    const int64_t step = std::min(it->second.size - into, end - offset);
    offset += step;
    origin.position += step;
  }
  return true;
}

void TestMemory::Bytes::Copy(const Bytes& from, int64_t from_offset, int64_t offset, int64_t size) {
  std::vector<std::pair<int64_t, Range>> pieces;
  auto it = from.ranges_.upper_bound(from_offset);
  if (it != from.ranges_.begin()) --it;
  for (; it != from.ranges_.end() && it->first < from_offset + size; ++it) {
    const int64_t begin = std::max(it->first, from_offset);
    const int64_t end = std::min(it->first + it->second.size, from_offset + size);
    if (begin >= end) continue;
    const Origin origin{it->second.origin.object, it->second.origin.position + begin - it->first};
    pieces.emplace_back(offset + begin - from_offset, Range{end - begin, origin});
  }
  Clear(offset, size);
  for (const auto& [at, range] : pieces) ranges_.emplace(at, range);
}

void TestMemory::DamageFiles() {
  for (auto& [number, file] : files_) file.damaged = true;
}

int64_t TestMemory::bytes_on_disk() const {
  int64_t sum = 0;
  for (const auto& [number, file] : files_) sum += file.size;
  return sum;
}

Message TestMemory::Obey(const Message& order, const TestMemory* remote) {
  switch (order.kind()) {
    case MessageKind::kFetchChunk: return Fetch(order.As<msg::FetchChunk>(), remote);
    case MessageKind::kWriteSpill: return WriteFile(order.As<msg::WriteSpill>());
    case MessageKind::kReadSpill: return ReadFile(order.As<msg::ReadSpill>());
    case MessageKind::kDeleteSpill: {
      const bool there = files_.erase(order.As<msg::DeleteSpill>().file()) == 1;
      ORRERY_ASSERT_MSG(there, "deletes a file that is not there");
      return {};
    }
    default: ORRERY_ASSERT_MSG(false, "memory does not understand this");
  }
  return {};
}

Message TestMemory::Fetch(const msg::FetchChunk& order, const TestMemory* remote) {
  Draft<msg::ChunkFetched> reply;
  reply->set_request(order.request());
  if (remote == nullptr) {
    reply->set_status(static_cast<uint32_t>(StatusCode::kUnavailable));
    reply->set_message("the other node cannot be reached");
  } else {
    arena_.Copy(remote->arena_, order.remote_offset(), order.offset(), order.size());
  }
  return reply;
}

Message TestMemory::WriteFile(const msg::WriteSpill& order) {
  Draft<msg::SpillWritten> reply;
  reply->set_file(order.file());
  File file;
  for (const msg::SpillPart& part : order.parts()) {
    ORRERY_ASSERT(part.file_offset() == file.size);
    file.bytes.Copy(arena_, part.offset(), part.file_offset(), part.size());
    file.size += part.size();
  }
  if (disk_ >= 0 && bytes_on_disk() + file.size > disk_) {
    reply->set_status(static_cast<uint32_t>(StatusCode::kDiskFull));
    reply->set_message("the disk is full");
  } else {
    const bool added = files_.emplace(order.file(), std::move(file)).second;
    ORRERY_ASSERT_MSG(added, "a file number is used once");
  }
  return reply;
}

Message TestMemory::ReadFile(const msg::ReadSpill& order) {
  Draft<msg::SpillRead> reply;
  reply->set_request(order.request());
  const auto it = files_.find(order.file());
  ORRERY_ASSERT_MSG(it != files_.end(), "reads a file that is not there");
  if (it->second.damaged) {
    reply->set_status(static_cast<uint32_t>(StatusCode::kInternal));
  } else {
    arena_.Copy(it->second.bytes, order.part().file_offset(), order.part().offset(), order.part().size());
  }
  return reply;
}

}  // namespace orrery::test
