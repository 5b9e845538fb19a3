#include "runtime/gcs/state_store.h"

#include "runtime/messages/orrery.pb.h"

namespace orrery {

void StateStore::Put(StateTable table, std::string key, std::string value) {
  if (durable_) rows_.push_back({{table, std::move(key), std::move(value)}, false});
}

void StateStore::Erase(StateTable table, std::string key) {
  if (durable_) rows_.push_back({{table, std::move(key), {}}, true});
}

// What follows from a row of the next batch waits for that one.
void StateStore::Send(const Address& to, Message message) {
  if (settled()) return world_.Send(to, std::move(message));
  held_.push_back({last_batch_ + (rows_.empty() ? 0 : 1), to, std::move(message)});
}

void StateStore::Commit() {
  if (rows_.empty() || last_batch_ != stored_batch_) return;
  Draft<msg::StoreState> batch;
  batch->set_batch(++last_batch_);
  for (Change& change : rows_) {
    msg::StateChange* out = batch->add_changes();
    out->set_table(static_cast<uint32_t>(change.row.table));
    out->set_key(std::move(change.row.key));
    out->set_value(std::move(change.row.value));
    out->set_erased(change.erased);
  }
  rows_.clear();
  world_.Send(Address::Storage(), std::move(batch));
}

Status StateStore::OnStateStored(const msg::StateStored& stored) {
  ORRERY_ASSERT(stored.batch() == last_batch_ && stored_batch_ + 1 == last_batch_);
  if (stored.status() != 0) return {static_cast<StatusCode>(stored.status()), stored.message()};
  stored_batch_ = stored.batch();
  while (!held_.empty() && held_.front().batch <= stored_batch_) {
    world_.Send(held_.front().to, std::move(held_.front().message));
    held_.pop_front();
  }
  return Status::Ok();
}

}  // namespace orrery
