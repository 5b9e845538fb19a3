#include "tests/unit/object_store/store_world.h"

#include <algorithm>
#include <cstdio>

#include "runtime/messages/orrery.pb.h"

namespace orrery::test {

Time StoreWorld::Arrival(const Address& from, const Address& to) {
  Time& last = last_arrival_[{from, to}];
  last = std::max(last, now_ + Delay(latency_));
  return last;
}

void StoreWorld::Send(const Address& from, const Address& to, const Message& message) {
  if (verbose_) {
    std::printf("%.6f %llu to %llu: %s\n", now_.seconds(), static_cast<unsigned long long>(from.endpoint),
                static_cast<unsigned long long>(to.endpoint), message.DebugString().c_str());
  }
  if (to == Address::Memory()) {
    // Of one kind in order, as a disk's queue and a socket are.
    auto order = std::make_shared<Message>(message.Clone());
    Time& last =
        last_arrival_[{from, Address{4, 1 + static_cast<uint64_t>(order->kind() == MessageKind::kFetchChunk)}}];
    last = std::max(last, now_ + Delay(memory_delay_));
    return At(last, [this, from, order] { Obey(from, std::move(*order)); });
  }
  if (!Alive(to)) return At(Arrival(to, from), [this, from, to] { TellLost(from, to); });
  if (broken_.count({from, to}) != 0) return;  // goes into the broken connection
  const Link link = Both(from, to);
  connections_.insert(link);
  auto copy = std::make_shared<Message>(message.Clone());
  At(Arrival(from, to), [this, from, to, link, epoch = epochs_[link], copy] {
    if (epochs_[link] == epoch && Alive(to)) actors_.at(to)->OnMessage(from, *copy);
  });
}

void StoreWorld::TellLost(const Address& who, const Address& lost) {
  broken_.erase({who, lost});
  if (Alive(who)) actors_.at(who)->OnPeerLost(lost);
}

void StoreWorld::Break(const Address& a, const Address& b) {
  if (connections_.erase(Both(a, b)) == 0) return;
  ++epochs_[Both(a, b)];
  broken_.insert({a, b});
  broken_.insert({b, a});
  At(Arrival(a, b), [this, a, b] { TellLost(b, a); });
  At(Arrival(b, a), [this, a, b] { TellLost(a, b); });
}

void StoreWorld::Kill(const Address& address) {
  if (actors_.erase(address) == 0) return;
  const std::set<Link> connections = connections_;
  for (const Link& link : connections) {
    if (link.first != address && link.second != address) continue;
    connections_.erase(link);
    const Address peer = link.first == address ? link.second : link.first;
    At(Arrival(address, peer), [this, address, peer] { TellLost(peer, address); });
  }
}

void StoreWorld::SetTimer(const Address& who, Duration delay, TimerKind kind, uint64_t id) {
  const auto key = std::pair{who, std::pair{kind, id}};
  const uint64_t number = timers_[key] = ++sequence_;
  At(now_ + delay, [this, key, number] {
    const auto it = timers_.find(key);
    if (it == timers_.end() || it->second != number) return;
    timers_.erase(it);
    if (Alive(key.first)) actors_.at(key.first)->OnTimer(key.second.first, key.second.second);
  });
}

void StoreWorld::CancelTimer(const Address& who, TimerKind kind, uint64_t id) { timers_.erase({who, {kind, id}}); }

void StoreWorld::After(const Address& who, Duration delay, std::function<void()> action) {
  At(now_ + delay, [this, who, action = std::move(action)] {
    if (Alive(who)) action();
  });
}

// The other node's bytes are read now: they must not have been used for anything else since they were promised.
void StoreWorld::Obey(const Address& node, Message order) {
  if (!Alive(node)) return;
  const TestMemory* remote = nullptr;
  if (order.kind() == MessageKind::kFetchChunk) {
    const auto& address = order.As<msg::FetchChunk>().memory();
    const Address other{address.endpoint(), address.incarnation()};
    if (Alive(other)) remote = memories_.at(other).get();
  }
  const Message answer = memory(node).Obey(order, remote);
  if (answer) actors_.at(node)->OnMessage(Address::Memory(), answer);
}

bool StoreWorld::Step(Time limit) {
  if (events_.empty() || events_.begin()->first.first > limit) return false;
  now_ = events_.begin()->first.first;
  const auto action = std::move(events_.begin()->second);
  events_.erase(events_.begin());
  action();
  return true;
}

}  // namespace orrery::test
