#include "runtime/core_worker/lineage.h"

#include "runtime/messages/orrery.pb.h"

namespace orrery {

void Lineage::Keep(uint64_t task, const Message& submit, uint32_t attempt, int32_t retries_left, uint32_t items) {
  const auto [entry, is_new] = entries_.Insert(task, {});
  entry->kept.attempt = attempt;
  entry->kept.retries_left = retries_left;
  entry->kept.items = items;
  const msg::TaskSpec& spec = submit.As<msg::SubmitTask>().spec();
  for (uint32_t i = 0; i < spec.num_returns() + items; ++i) {
    ObjectRecord* record = store_.Get({{core_.id, task}, i});
    if (record == nullptr || !record->stored() || (record->extra->lineage && !is_new)) continue;
    record->extra->lineage = true;
    ++entry->refs;
  }
  if (!is_new) return;
  entry->kept.submit = submit.Clone();
  entry->turn = ++turns_;
  entry->bytes = static_cast<int64_t>(submit.EncodedSize());
  bytes_ += entry->bytes;
  by_turn_.emplace(entry->turn, task);
  for (const msg::TaskArg& arg : spec.args()) {
    if (arg.object_task() == 0 || WorkerId{arg.object_owner()} != core_.id) continue;
    Entry* producer = entries_.Find(arg.object_task());
    if (producer == nullptr || producer == entry) continue;
    ++producer->refs;
    entry->producers.emplace_back(arg.object_task(), producer->turn);
  }
  if (entry->refs == 0) {  // nobody is interested in its results any more
    entry->refs = 1;
    return Unref(task, 0);
  }
  while (bytes_ > core_.settings.max_lineage_bytes && !by_turn_.empty()) {
    std::vector<std::pair<uint64_t, uint64_t>> producers;
    Erase(by_turn_.begin()->second, producers);
    for (const auto& [producer, turn] : producers) Unref(producer, turn);
  }
}

const KeptTask* Lineage::Find(uint64_t task) const {
  const Entry* entry = entries_.Find(task);
  return entry == nullptr ? nullptr : &entry->kept;
}

uint32_t Lineage::RefsOf(uint64_t task) const {
  const Entry* entry = entries_.Find(task);
  return entry == nullptr ? 0 : entry->refs;
}

void Lineage::Unref(uint64_t task, uint64_t turn) {
  std::vector<std::pair<uint64_t, uint64_t>> todo = {{task, turn}};
  while (!todo.empty()) {
    const auto [index, expected] = todo.back();
    todo.pop_back();
    Entry* entry = entries_.Find(index);
    if (entry == nullptr || (expected != 0 && entry->turn != expected)) continue;  // evicted
    if (--entry->refs == 0) Erase(index, todo);
  }
}

void Lineage::Erase(uint64_t task, std::vector<std::pair<uint64_t, uint64_t>>& producers) {
  Entry* entry = entries_.Find(task);
  producers.insert(producers.end(), entry->producers.begin(), entry->producers.end());
  bytes_ -= entry->bytes;
  by_turn_.erase(entry->turn);
  entries_.Erase(task);
}

void Lineage::Forget() {
  entries_.Clear();
  by_turn_.clear();
  bytes_ = 0;
}

}  // namespace orrery
