#include "sim/record/object_log.h"

#include <algorithm>

#include "sim/record/columns.h"
#include "sim/record/csv_writer.h"

namespace orrery {

bool ObjectLog::Reads(TraceKind kind) {
  switch (kind) {
    case TraceKind::kObjectCreated:
    case TraceKind::kObjectCopied:
    case TraceKind::kObjectSpilled:
    case TraceKind::kObjectRestored:
    case TraceKind::kObjectEvicted:
    case TraceKind::kObjectFreed:
    case TraceKind::kObjectLost:
    case TraceKind::kObjectRebuilt:
    case TraceKind::kChunkFetched:
    case TraceKind::kArgumentsLocal: return true;
    default: return false;
  }
}

void ObjectLog::OnTrace(Time now, const TraceEvent& event) {
  const ObjectId id{event.task, static_cast<uint32_t>(event.c)};
  switch (event.kind) {
    case TraceKind::kObjectCreated:
    case TraceKind::kObjectCopied:
    case TraceKind::kObjectSpilled:
    case TraceKind::kObjectRestored:
    case TraceKind::kObjectEvicted: return OnCopy(now, event, id);
    case TraceKind::kChunkFetched: return OnChunk(now, event, id);
    case TraceKind::kObjectFreed: return OnFreed(now, id);
    case TraceKind::kObjectLost: ++lost_; return;
    case TraceKind::kObjectRebuilt: ++rebuilt_; return;
    case TraceKind::kArgumentsLocal: saved_ += event.a; return;
    case TraceKind::kNodeDead: return OnNodeDead(now, event.node);
    default: return;
  }
}

void ObjectLog::OnCopy(Time now, const TraceEvent& event, ObjectId id) {
  Object& object = objects_[id];
  if (object.created == kNever) object.created = now;
  object.bytes = event.a;
  Copy& copy = object.copies[event.node];
  Copy next = copy;
  switch (event.kind) {
    case TraceKind::kObjectCopied: {
      ++copied_;
      if (const auto open = open_.find({id, event.node}); open != open_.end()) {
        transfers_[open->second].complete = true;
        open_.erase(open);
      }
      next.in_memory = true;
      break;
    }
    case TraceKind::kObjectSpilled:
      spilled_ += event.a;
      next.on_disk = true;
      break;
    case TraceKind::kObjectRestored:
      restored_ += event.a;
      next.in_memory = true;
      break;
    case TraceKind::kObjectEvicted:
      // From memory first; a copy that is on disk only is lost altogether.
      if (!copy.in_memory) next.on_disk = false;
      next.in_memory = false;
      break;
    default: next.in_memory = true; break;
  }
  if (object.freed != kNever) next = {};  // it goes at once
  Change(now, event.node, object, copy, next);
  object.most_copies = std::max(object.most_copies, object.copies.size());
  if (!next.in_memory && !next.on_disk) object.copies.erase(event.node);
}

void ObjectLog::OnChunk(Time now, const TraceEvent& event, ObjectId id) {
  moved_ += event.a;
  const NodeId from{static_cast<uint32_t>(event.b)};
  const auto key = std::pair{id, event.node};
  auto open = open_.find(key);
  if (open != open_.end() && transfers_[open->second].from != from) {
    open_.erase(open);  // it goes on from another node
    open = open_.end();
  }
  if (open == open_.end()) {
    open = open_.emplace(key, transfers_.size()).first;
    transfers_.push_back({id, from, event.node, 0, now, now, false});
  }
  Transfer& transfer = transfers_[open->second];
  transfer.bytes += event.a;
  transfer.last = now;
}

// Its copies go now, or when the last reader lets go of them: a little later than it seems here.
void ObjectLog::OnFreed(Time now, ObjectId id) {
  Object& object = objects_[id];
  object.freed = now;
  for (auto& [node, copy] : object.copies) Change(now, node, object, copy, {});
  object.copies.clear();
}

void ObjectLog::OnNodeDead(Time now, NodeId node) {
  for (auto& [id, object] : objects_) {
    const auto copy = object.copies.find(node);
    if (copy == object.copies.end()) continue;
    Change(now, node, object, copy->second, {});
    object.copies.erase(copy);
  }
}

void ObjectLog::Change(Time now, NodeId node, const Object& object, Copy& copy, Copy next) {
  const bool same = next.in_memory == copy.in_memory && next.on_disk == copy.on_disk;
  if (same) return;
  Use& use = use_[node];
  use.memory += object.bytes * (int64_t{next.in_memory} - int64_t{copy.in_memory});
  use.disk += object.bytes * (int64_t{next.on_disk} - int64_t{copy.on_disk});
  copy = next;
  if (samples_.empty() || samples_.back().node != node || samples_.back().when != now)
    samples_.push_back({now, node, use});
  else
    samples_.back().use = use;
}

void ObjectLog::WriteSummary(Summary& summary) const {
  uint64_t created = 0, freed = 0;
  for (const auto& [id, object] : objects_) {
    created += object.created != kNever;
    freed += object.created != kNever && object.freed != kNever;
  }
  summary.SetUnsigned("objects.created", created);
  summary.SetUnsigned("objects.freed", freed);
  summary.SetUnsigned("objects.lost", lost_);
  summary.SetUnsigned("objects.rebuilt", rebuilt_);
  summary.SetUnsigned("transfers.count", copied_);
  summary.SetInteger("transfers.bytes", moved_);
  summary.SetInteger("transfers.saved_by_locality_bytes", saved_);
  summary.SetInteger("spill.bytes_written", spilled_);
  summary.SetInteger("spill.bytes_read", restored_);
}

void ObjectLog::WriteBound(std::optional<int64_t> bound, int64_t moved, Summary& summary) {
  if (!bound) return;
  summary.SetInteger("bounds.transfer_lower_bound_bytes", *bound);
  summary.SetInteger("transfers.regret_bytes", moved - *bound);
}

Status ObjectLog::WriteObjects(const std::string& path) const {
  CsvWriter csv(path, HeaderRow(TableOf("objects")));
  for (const auto& [id, object] : objects_) {
    if (object.created == kNever) continue;
    csv.Text(ToString(id)).Text(ToString(id.task.owner)).Integer(object.bytes).Seconds(object.created.ns);
    if (object.freed != kNever) {
      csv.Seconds(object.freed.ns);
    } else {
      csv.Empty();
    }
    csv.Integer(static_cast<int64_t>(object.most_copies));
    csv.EndRow();
  }
  return csv.Close();
}

Status ObjectLog::WriteTransfers(const std::string& path) const {
  CsvWriter csv(path, HeaderRow(TableOf("transfers")));
  for (const Transfer& transfer : transfers_) {
    csv.Text(ToString(transfer.object)).Text(ToString(transfer.from)).Text(ToString(transfer.to));
    csv.Integer(transfer.bytes).Seconds(transfer.first.ns).Seconds(transfer.last.ns);
    csv.Text(transfer.complete ? "Ok" : "Unfinished");
    csv.EndRow();
  }
  return csv.Close();
}

Status ObjectLog::WriteStore(const std::string& path) const {
  CsvWriter csv(path, HeaderRow(TableOf("store")));
  for (const Sample& sample : samples_) {
    csv.Seconds(sample.when.ns).Text(ToString(sample.node)).Integer(sample.use.memory).Integer(sample.use.disk);
    csv.EndRow();
  }
  return csv.Close();
}

}  // namespace orrery
