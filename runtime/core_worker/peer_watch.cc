#include "runtime/core_worker/peer_watch.h"

#include <utility>

#include "runtime/messages/orrery.pb.h"

namespace orrery {

namespace {
constexpr uint32_t kLosses = 5;
constexpr Duration kPause = Duration::Millis(5);  // doubles with each loss
}  // namespace

// Other messages to a suspect may be refused as well: only the answer to its CheckPeer counts.
bool PeerWatch::OnPeerLost(const Address& peer) {
  Suspect& suspect = suspects_[peer];
  if (suspect.id == 0) suspect.id = ++last_;
  if (suspect.pausing) return false;
  if (++suspect.losses >= kLosses) {
    suspects_.erase(peer);
    return true;
  }
  suspect.pausing = true;
  core_.env.SetTimer(kPause * (int64_t{1} << (suspect.losses - 1)), TimerKind::kBorrowerCheck, suspect.id);
  return false;
}

void PeerWatch::OnTimer(uint64_t id) {
  for (auto& [peer, suspect] : suspects_) {
    if (suspect.id != id) continue;
    suspect.pausing = false;
    Draft<msg::CheckPeer> check;
    check->set_round(suspect.losses);
    core_.env.Send(peer, std::move(check));
    return;
  }
}

bool PeerWatch::OnPeerAlive(const Address& peer) {
  auto it = suspects_.find(peer);
  if (it == suspects_.end()) return false;
  core_.env.CancelTimer(TimerKind::kBorrowerCheck, it->second.id);
  suspects_.erase(it);
  return true;
}

void PeerWatch::Forget(const Address& peer) { OnPeerAlive(peer); }

void PeerWatch::Clear() {
  for (const auto& [peer, suspect] : suspects_) core_.env.CancelTimer(TimerKind::kBorrowerCheck, suspect.id);
  suspects_.clear();
}

}  // namespace orrery
