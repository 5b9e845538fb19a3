#include "runtime/gcs/health_monitor.h"

#include <algorithm>

#include "runtime/messages/message.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery {

void HealthMonitor::Watch(NodeId node, const Address& address) {
  Watched watched;
  watched.address = address;
  watched.last_heard = env_.Now();
  watched_.Insert(node, watched);
  env_.SetTimer(settings_.health_check_initial_delay, TimerKind::kHealthCheck, node.value);
}

void HealthMonitor::Forget(NodeId node) {
  env_.CancelTimer(TimerKind::kHealthCheck, node.value);
  watched_.Erase(node);
}

void HealthMonitor::Heard(NodeId node) {
  if (Watched* watched = watched_.Find(node)) {
    watched->last_heard = env_.Now();
    if (!watched->suspect) return;
    watched->suspect = false;
    watched->failures = 0;
  }
}

void HealthMonitor::OnReply(NodeId node, uint64_t round) {
  Watched* watched = watched_.Find(node);
  if (watched == nullptr || !watched->outstanding || watched->round != round) {
    env_.Trace({.kind = TraceKind::kStaleMessage, .node = node, .text = "HealthCheckReply"});
    return;
  }
  watched->outstanding = false;
  watched->failures = 0;
  env_.SetTimer(settings_.health_check_period, TimerKind::kHealthCheck, node.value);
}

HealthMonitor::Verdict HealthMonitor::OnTimer(NodeId node) {
  Watched* watched = watched_.Find(node);
  if (watched == nullptr) return Verdict::kAlive;
  if (watched->outstanding) {
    watched->outstanding = false;
    if (++watched->failures >= settings_.health_check_failures) return Verdict::kDead;
    env_.SetTimer(settings_.health_check_period, TimerKind::kHealthCheck, node.value);
    return Verdict::kAlive;
  }
  if (!watched->suspect && env_.Now() - watched->last_heard < settings_.health_check_period) {
    watched->failures = 0;
    env_.SetTimer(settings_.health_check_period, TimerKind::kHealthCheck, node.value);
  } else {
    SendCheck(node, *watched);
  }
  return Verdict::kAlive;
}

HealthMonitor::Verdict HealthMonitor::OnConnectionLost(NodeId node) {
  Watched* watched = watched_.Find(node);
  if (watched == nullptr) return Verdict::kAlive;
  if (!watched->suspect) {
    watched->suspect = true;
    SendCheck(node, *watched);
    return Verdict::kAlive;
  }
  // Several messages lost with one connection are one loss: the pause is still running.
  if (!watched->outstanding) return Verdict::kAlive;
  watched->outstanding = false;
  if (++watched->failures >= settings_.health_check_failures) return Verdict::kDead;
  env_.SetTimer(Duration{kFirstPause.ns << std::min(watched->failures - 1, 10)}, TimerKind::kHealthCheck, node.value);
  return Verdict::kAlive;
}

void HealthMonitor::SendCheck(NodeId node, Watched& watched) {
  watched.outstanding = true;
  ++watched.round;
  Draft<msg::HealthCheck> check;
  check->set_node(node.value);
  check->set_round(watched.round);
  env_.Send(watched.address, std::move(check));
  env_.SetTimer(settings_.health_check_timeout, TimerKind::kHealthCheck, node.value);
}

}  // namespace orrery
