#include "sim/platform/sim_storage.h"

#include "runtime/messages/message.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

StoredState SimStorage::Load(const Settings& settings) const {
  StoredState state;
  state.durable = settings.gcs_storage != "memory";
  for (const auto& [key, value] : rows_) state.rows.push_back({key.first, key.second, value});
  return state;
}

void SimStorage::OnMessage(ProcessHandle process, Message message) {
  ORRERY_ASSERT(message.kind() == MessageKind::kStoreState);
  writing_.emplace(++next_, std::pair(process, std::move(message)));
  engine_.At(engine_.Now() + latency_, this, 0, next_);
}

void SimStorage::OnProcessGone(ProcessHandle process) {
  std::erase_if(writing_, [&](const auto& entry) { return entry.second.first == process; });
}

void SimStorage::OnEvent(uint64_t, uint64_t b) {
  const auto it = writing_.find(b);
  if (it == writing_.end()) return;
  const auto& batch = it->second.second.As<msg::StoreState>();
  for (const msg::StateChange& change : batch.changes()) {
    const std::pair key(static_cast<StateTable>(change.table()), std::string(change.key()));
    if (change.erased())
      rows_.erase(key);
    else
      rows_[key] = change.value();
  }
  Draft<msg::StateStored> stored;
  stored->set_batch(batch.batch());
  engine_.Deliver(it->second.first, Address::Storage(), std::move(stored));
  writing_.erase(it);
}

}  // namespace orrery
