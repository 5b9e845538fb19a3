#include "runtime/object_store/spill_manager.h"

#include <algorithm>

#include "runtime/messages/convert.h"
#include "runtime/messages/message.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

using State = LocalObject::State;

SpillManager::SpillManager(const StoreContext& context, LocalObjects& objects)
    : context_(context), objects_(objects), enabled_(context.settings.spill_directories != "none") {}

Status SpillManager::Refusal() const {
  if (!enabled_) return {StatusCode::kStoreFull, "spilling is off (spill_directories: none)"};
  if (refusal_.ok() || context_.env.Now() >= ask_again_) return Status::Ok();
  return refusal_;
}

bool SpillManager::Spill(int64_t bytes) {
  while (writing_ < bytes && writes_ < kWritesInFlight && Refusal().ok() && WriteOne(bytes - writing_)) {
  }
  return writes_ != 0;
}

bool SpillManager::WriteOne(int64_t bytes) {
  Draft<msg::WriteSpill> order;
  File file;
  const int64_t enough = std::min(bytes, context_.settings.spill_fuse_bytes);
  while (file.bytes < enough && (file.writing.empty() || !one_by_one_)) {
    LocalObject* object = objects_.OldestSpillable();
    if (object == nullptr) break;
    const int64_t limit = context_.settings.spill_limit_bytes;
    if (limit >= 0 && bytes_on_disk_ + file.bytes + object->size > limit) {
      if (!file.writing.empty()) break;
      refusal_ = {StatusCode::kDiskFull, "spill_limit_bytes (" + std::to_string(limit) + ") is reached"};
      ask_again_ = context_.env.Now() + kAskAgain;
      return false;
    }
    objects_.Move(*object, State::kSpilling);
    msg::SpillPart* part = order->add_parts();
    ToProto(object->id(), part->mutable_object());
    part->set_offset(object->offset);
    part->set_size(object->size);
    part->set_file_offset(file.bytes);
    file.bytes += object->size;
    file.writing.push_back(object->id());
  }
  if (file.writing.empty()) return false;
  order->set_file(next_file_);
  context_.env.Send(Address::Memory(), std::move(order));
  ++writes_;
  writing_ += file.bytes;
  bytes_on_disk_ += file.bytes;
  files_.emplace(next_file_++, std::move(file));
  return true;
}

std::vector<ObjectId> SpillManager::OnSpillWritten(const msg::SpillWritten& written) {
  const auto it = files_.find(written.file());
  if (it == files_.end() || it->second.writing.empty()) return {};
  File& file = it->second;
  const std::vector<ObjectId> ids = std::exchange(file.writing, {});
  --writes_;
  writing_ -= file.bytes;
  int64_t at = 0;
  for (ObjectId id : ids) {
    LocalObject& object = *objects_.Find(id);
    objects_.Move(object, State::kSealed);
    if (written.status() == 0) {
      objects_.SetFile(object, it->first, at);
      ++file.objects;
      context_.env.Trace({.kind = TraceKind::kObjectSpilled,
                          .task = id.task,
                          .node = context_.node,
                          .a = object.size,
                          .c = static_cast<int64_t>(id.index)});
    }
    at += object.size;
  }
  if (written.status() == 0) {
    one_by_one_ = false;
    refusal_ = Status::Ok();
    return ids;
  }
  bytes_on_disk_ -= file.bytes;
  files_.erase(it);
  if (ids.size() > 1) {
    one_by_one_ = true;
  } else {
    refusal_ = {StatusCode::kDiskFull, written.message().empty() ? "the disk is full" : written.message()};
    ask_again_ = context_.env.Now() + kAskAgain;
  }
  return ids;
}

void SpillManager::Read(const LocalObject& object) {
  ORRERY_ASSERT(object.state == State::kRestoring && object.on_disk());
  Draft<msg::ReadSpill> order;
  order->set_request(next_read_);
  order->set_file(object.file);
  msg::SpillPart* part = order->mutable_part();
  ToProto(object.id(), part->mutable_object());
  part->set_offset(object.offset);
  part->set_size(object.size);
  part->set_file_offset(object.file_offset);
  reads_.emplace(next_read_++, object.id());
  context_.env.Send(Address::Memory(), std::move(order));
}

std::optional<std::pair<ObjectId, Status>> SpillManager::OnSpillRead(const msg::SpillRead& read) {
  const auto it = reads_.find(read.request());
  if (it == reads_.end()) return std::nullopt;
  const ObjectId id = it->second;
  reads_.erase(it);
  return std::pair{id, Status(static_cast<StatusCode>(read.status()), read.message())};
}

void SpillManager::Forget(LocalObject& object) {
  if (!object.on_disk()) return;
  const uint64_t file = object.file;
  objects_.SetFile(object, 0, 0);
  --files_.at(file).objects;
  DeleteIfUnused(file);
}

void SpillManager::DeleteIfUnused(uint64_t number) {
  const auto it = files_.find(number);
  if (it->second.objects != 0 || !it->second.writing.empty()) return;
  bytes_on_disk_ -= it->second.bytes;
  files_.erase(it);
  refusal_ = Status::Ok();
  one_by_one_ = false;
  Draft<msg::DeleteSpill> order;
  order->set_file(number);
  context_.env.Send(Address::Memory(), std::move(order));
}

void SpillManager::CheckInvariants() const {
  std::map<uint64_t, uint32_t> objects;
  size_t spilling = 0, restoring = 0;
  for (const auto& [id, object] : objects_.all()) {
    if (object.on_disk()) ++objects[object.file];
    spilling += object.state == State::kSpilling;
    restoring += object.state == State::kRestoring;
  }
  int64_t bytes = 0, writing = 0;
  size_t being_written = 0;
  for (const auto& [number, file] : files_) {
    ORRERY_ASSERT(file.objects + file.writing.size() != 0 && objects[number] == file.objects);
    bytes += file.bytes;
    being_written += file.writing.size();
    if (!file.writing.empty()) writing += file.bytes;
  }
  ORRERY_ASSERT(bytes == bytes_on_disk_ && writing == writing_ && spilling == being_written);
  ORRERY_ASSERT(restoring == reads_.size());
  for (const auto& [number, count] : objects) ORRERY_ASSERT(files_.count(number) != 0);
}

}  // namespace orrery
