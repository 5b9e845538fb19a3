#include "sim/faults/message_faults.h"

#include <algorithm>
#include <utility>

#include "runtime/messages/message.h"

namespace orrery {

void MessageFaults::Start(uint64_t id, const FaultSpec& spec, std::vector<HostId> hosts) {
  Active fault{&spec, std::move(hosts), MessageKind::kNone, engine_.Now() + spec.duration};
  if (!spec.message.empty()) fault.kind = KindByName(spec.message);
  std::sort(fault.hosts.begin(), fault.hosts.end());
  active_.emplace(id, std::move(fault));
}

uint64_t MessageFaults::Fired(uint64_t id) const {
  auto it = fired_.find(id);
  return it == fired_.end() ? 0 : it->second;
}

bool MessageFaults::Hits(const Active& fault, HostId from, HostId to) const {
  const auto named = [&](HostId host) { return std::binary_search(fault.hosts.begin(), fault.hosts.end(), host); };
  if (fault.spec->kind == FaultKind::kPartition) return named(from) != named(to);
  return from != to && (fault.hosts.empty() || named(from) || named(to));
}

SendFilter::Verdict MessageFaults::OnSend(Time now, ProcessHandle from, ProcessHandle to, const Message& message) {
  Verdict verdict;
  if (active_.empty()) return verdict;
  const HostId source = engine_.HostOf(from), target = engine_.HostOf(to);
  for (const auto& [id, fault] : active_) {
    if (fault.kind != MessageKind::kNone && fault.kind != message.kind()) continue;
    if (!Hits(fault, source, target)) continue;
    switch (fault.spec->kind) {
      case FaultKind::kPartition: {
        const bool heals = fault.spec->duration.ns > 0 && fault.ends - now <= kRetransmitLimit;
        if (heals)
          verdict.delay = std::max(verdict.delay, fault.ends - now);
        else
          verdict.action = Verdict::Action::kBreak;
        break;
      }
      case FaultKind::kDropMessages:
        if (!random_.Chance(fault.spec->probability)) continue;
        verdict.action = Verdict::Action::kBreak;
        break;
      case FaultKind::kDelayMessages:
        if (!random_.Chance(fault.spec->probability)) continue;
        verdict.delay = verdict.delay + Duration::FromSeconds(Sample(fault.spec->delay, random_));
        break;
      default: continue;
    }
    ++fired_[id];
  }
  return verdict;
}

}  // namespace orrery
