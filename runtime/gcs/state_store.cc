#include "runtime/gcs/state_store.h"

#include "runtime/messages/orrery.pb.h"

namespace orrery {

void StateStore::Put(StateTable table, std::string key, std::string value) {
  if (durable_) rows_.push_back({{table, std::move(key), std::move(value)}, false});
}

void StateStore::Erase(StateTable table, std::string key) {
  if (durable_) rows_.push_back({{table, std::move(key), {}}, true});
}

// Which batch it waits for is known at the end of the event: a row may follow the message that follows from it.
void StateStore::Send(const Address& to, Message message) {
  if (!durable_) return world_.Send(to, std::move(message));
  event_.push_back({0, to, std::move(message)});
}

void StateStore::Commit() {
  for (Held& sent : event_) {
    sent.batch = last_batch_ + (rows_.empty() ? 0 : 1);
    held_.push_back(std::move(sent));
  }
  event_.clear();
  if (!rows_.empty() && last_batch_ == stored_batch_) SendBatch();
  Release();
}

void StateStore::SendBatch() {
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
  Release();
  return Status::Ok();
}

void StateStore::Release() {
  while (!held_.empty() && held_.front().batch <= stored_batch_) {
    world_.Send(held_.front().to, std::move(held_.front().message));
    held_.pop_front();
  }
}

}  // namespace orrery
