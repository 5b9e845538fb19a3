// The Env of one process of a Cluster; private to cluster*.cc.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tests/support/cluster.h"

namespace orrery::test {

class Cluster::ProcessEnv final : public Env {
 public:
  ProcessEnv(Cluster& cluster, ProcessId id, const std::string& name) : cluster_(cluster), id_(id) {
    for (size_t i = 0; i < static_cast<size_t>(RandomStream::kCount); ++i) {
      streams_.push_back(Random::Named(cluster.options_.seed, name, std::to_string(i)));
    }
  }
  Time Now() const override { return cluster_.now_; }
  void Send(const Address& to, Message message) override { cluster_.SendMessage(id_, to, std::move(message)); }
  void SetTimer(Duration delay, TimerKind kind, uint64_t id) override {
    ORRERY_ASSERT(delay.ns >= 0);
    CancelTimer(kind, id);
    Event event;
    event.type = Event::Type::kTimer;
    event.target = id_;
    event.timer = kind;
    event.id = id;
    cluster_.processes_[id_]->timers[{kind, id}] = cluster_.Schedule(cluster_.now_ + delay, std::move(event));
  }
  void CancelTimer(TimerKind kind, uint64_t id) override {
    auto& timers = cluster_.processes_[id_]->timers;
    auto it = timers.find({kind, id});
    if (it == timers.end()) return;
    cluster_.events_.erase(it->second);
    timers.erase(it);
  }
  Random& RandomFor(RandomStream stream) override { return streams_[static_cast<size_t>(stream)]; }
  void Trace(const TraceEvent& event) override { cluster_.observer_->OnTrace(id_, event); }

 private:
  Cluster& cluster_;
  ProcessId id_;
  std::vector<Random> streams_;
};

}  // namespace orrery::test
