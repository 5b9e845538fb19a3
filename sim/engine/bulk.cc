// Messages above the threshold, and StartFlow: transfers that share bandwidth in SimGrid.
#include <algorithm>

#include "sim/engine/engine_core.h"

namespace orrery {

bool EngineCore::TakesBulkPath(const Process& from, const Process& to, uint64_t size) const {
  if (static_cast<int64_t>(size) <= options.network.bulk_threshold || from.host() == to.host()) return false;
  return !solver || std::max(from.host(), to.host()) < solver->hosts();
}

// Later messages of the pair wait until the transfer is over, as behind a large message on a connection.
void EngineCore::SendBulk(Process& from, Process& to, const SimEvent& event) {
  ++counters.bulk;
  const auto [pair, first] = bulk_pairs.try_emplace({from.id, to.id});
  if (!first) return pair->second.waiting.push_back(event);
  ++from.bulk;
  // What is still in the network card's queue goes first.
  QueueFlow(from.host(), to.host(), static_cast<int64_t>(event.x >> 32), event,
            std::max(now, cards[from.host()].tx_free));
}

bool EngineCore::WaitBehindBulk(uint32_t from, uint32_t to, const SimEvent& event) {
  if (bulk_pairs.empty()) return false;
  auto pair = bulk_pairs.find({from, to});
  if (pair == bulk_pairs.end()) return false;
  pair->second.waiting.push_back(event);
  return true;
}

uint32_t EngineCore::QueueFlow(uint32_t from_host, uint32_t to_host, int64_t bytes, const SimEvent& event,
                               int64_t when) {
  if (free_flows.empty()) {
    free_flows.push_back(static_cast<uint32_t>(flows.size()));
    flows.emplace_back();
  }
  const uint32_t index = free_flows.back();
  free_flows.pop_back();
  flows[index] = {true, false, from_host, to_host, bytes, event, 0, flows[index].serial + 1};
  // On a grid one solve serves all flows that start together.
  const int64_t grid = options.network.bulk_grid.ns;
  if (grid > 0) when = (when + grid - 1) / grid * grid;
  if (when <= now) {
    StartFlow(index);
  } else {
    queue.Push(when, {InputType::kFlow, Stage::kServed, 0, 0, index, 0, 0});
  }
  return index;
}

void EngineCore::StartFlow(uint32_t index) {
  if (!solver) {
    FlowSolver::Options flow_options;
    flow_options.rack_bandwidth = options.network.rack_bandwidth;
    flow_options.rack_latency = options.network.rack_latency;
    flow_options.precision = options.network.bulk_grid;
    std::vector<HostSpec> specs;
    for (const HostState& host : hosts) specs.push_back(host.spec);
    solver = std::make_unique<FlowSolver>(flow_options, specs);
    for (uint32_t i = 0; i < hosts.size(); ++i) {
      if (!hosts[i].alive) solver->FailHost({i}, now);
    }
  }
  Flow& flow = flows[index];
  if (!flow.used) {  // cancelled before it began
    free_flows.push_back(index);
    return;
  }
  if (!hosts[flow.from_host].alive || !hosts[flow.to_host].alive) return EndFlow(index, true);
  flow.started = true;
  flow.id = solver->Start({flow.from_host}, {flow.to_host}, flow.bytes, uint64_t{flow.serial} << 32 | index, now);
}

void EngineCore::EndFlow(uint32_t index, bool failed) {
  const SimEvent event = flows[index].event;
  flows[index].used = false;
  free_flows.push_back(index);
  if (event.type == InputType::kMessage) return EndPairFlow(event, failed);
  SimEvent ended = event;
  if (failed) ended.z |= SimEngine::kFlowFailed;
  queue.Push(now, ended);
}

// Hands the message on, then what waited behind it: up to and with the next large one.
void EngineCore::EndPairFlow(const SimEvent& event, bool failed) {
  const uint32_t from = static_cast<uint32_t>(event.x);
  auto pair = bulk_pairs.find({from, event.target});
  ORRERY_ASSERT(pair != bulk_pairs.end());
  if (failed) {
    Discard(event);
  } else {
    // The bandwidth has been paid for; the receiver's card only keeps the order with what came before.
    SimEvent arrived = event;
    arrived.stage = Stage::kReceived;
    queue.Push(std::max(now, cards[HostIndexOf(event.target)].rx_free), arrived);
  }
  std::deque<SimEvent> waiting = std::move(pair->second.waiting);
  pair->second.waiting.clear();
  while (!waiting.empty()) {
    const SimEvent next = waiting.front();
    waiting.pop_front();
    if (failed && next.type == InputType::kMessage) {
      Discard(next);
    } else if (next.type == InputType::kMessage &&
               static_cast<int64_t>(next.x >> 32) > options.network.bulk_threshold) {
      pair->second.waiting = std::move(waiting);
      const uint32_t from_host = HostIndexOf(from), to_host = HostIndexOf(next.target);
      QueueFlow(from_host, to_host, static_cast<int64_t>(next.x >> 32), next, now);
      return;
    } else if (next.type == InputType::kMessage) {
      Transmit(next);
    } else {
      TransmitClosing(next);
    }
  }
  bulk_pairs.erase(pair);
  if (Process* sender = Find(from)) --sender->bulk;
}

// `process` has died: transfers to it end. Those from it go on, as bytes that the machine has accepted do.
void EngineCore::DropFlowsOf(uint32_t process) {
  if (bulk_pairs.empty()) return;
  for (uint32_t index = 0; index < flows.size(); ++index) {
    Flow& flow = flows[index];
    if (!flow.used || flow.event.type != InputType::kMessage || flow.event.target != process) continue;
    const SimEvent event = flow.event;
    flow.used = false;
    if (flow.started) {
      solver->Cancel(flow.id, now);
      free_flows.push_back(index);
    }
    const uint32_t from = static_cast<uint32_t>(event.x);
    auto pair = bulk_pairs.find({from, process});
    Discard(event);
    for (const SimEvent& next : pair->second.waiting) Discard(next);
    bulk_pairs.erase(pair);
    if (Process* sender = Find(from)) --sender->bulk;
  }
}

// Ends of transfers that the solver has reported, in the order of their start.
void EngineCore::CollectFlows() {
  if (!solver || solver->completions().empty()) return;
  std::vector<FlowSolver::Completion> completions = std::move(solver->completions());
  solver->completions().clear();
  for (const FlowSolver::Completion& one : completions) {
    const uint32_t index = static_cast<uint32_t>(one.token);
    // Its receiver may have been killed at this same instant.
    if (flows[index].used && flows[index].serial == one.token >> 32) EndFlow(index, one.failed);
  }
}

}  // namespace orrery
