#include "tests/support/cluster.h"

#include <algorithm>

#include "runtime/messages/orrery.pb.h"
#include "tests/support/process_env.h"

namespace orrery::test {

Cluster::Cluster(ClusterOptions options, ClusterObserver* observer)
    : options_(std::move(options)),
      observer_(observer == nullptr ? &none_ : observer),
      random_(Random::Named(options_.seed, "cluster", "network")) {}

Cluster::~Cluster() = default;

ProcessId Cluster::AddProcess(std::string name, ProcessKind kind, std::string host) {
  auto process = std::make_unique<Process>();
  process->id = static_cast<ProcessId>(processes_.size());
  process->name = std::move(name);
  process->kind = kind;
  process->host = std::move(host);
  process->address = {1000 + uint64_t{process->id}, 1 + uint64_t{process->id}};
  process->env = std::make_unique<ProcessEnv>(*this, process->id, process->name);
  const ProcessId id = process->id;
  processes_.push_back(std::move(process));
  if (kind == ProcessKind::kClient) return id;
  Event start;
  start.target = id;
  Schedule(now_, std::move(start));
  return id;
}

ProcessId Cluster::StartGcs() {
  if (gcs_ == kNoProcess) {
    gcs_ = AddProcess("gcs", ProcessKind::kGcs, "gcs");
  } else {
    ORRERY_ASSERT(!Alive(gcs_));
    processes_[gcs_]->address.incarnation += 1'000'000;
    Event start;
    start.target = gcs_;
    Schedule(now_, std::move(start));
  }
  StoredState stored{options_.durable_gcs, {}};
  for (const auto& [key, value] : stored_)
    stored.rows.push_back({static_cast<StateTable>(key.first), key.second, value});
  processes_[gcs_]->machine = std::make_unique<Gcs>(*processes_[gcs_]->env, options_.settings, std::move(stored));
  return gcs_;
}

ProcessId Cluster::StartNode(const std::string& name, const ResourceSet& total, const Labels& labels) {
  ORRERY_ASSERT_MSG(gcs_ != kNoProcess, "start the GCS first");
  const ProcessId id = AddProcess(name, ProcessKind::kNodeManager, name);
  NodeOptions node;
  node.self = processes_[id]->address;
  node.gcs = {processes_[gcs_]->address.endpoint, 0};
  node.memory = node.self;
  processes_[id]->memory = std::make_unique<TestMemory>();
  node.name = name;
  node.total = total;
  node.labels = labels;
  processes_[id]->machine = std::make_unique<NodeManager>(*processes_[id]->env, options_.settings, std::move(node));
  return id;
}

ProcessId Cluster::StartDriver(const std::string& name, const std::string& node, const JobTerms& terms) {
  const ProcessId node_manager = Find(node);
  ORRERY_ASSERT_MSG(node_manager != kNoProcess, "a driver needs a node");
  const ProcessId id = AddProcess(name, ProcessKind::kDriver, node);
  CoreWorkerOptions options;
  options.self = processes_[id]->address;
  options.node_manager = processes_[node_manager]->address;
  Draft<msg::RegisterDriver> registration;
  registration->set_name(name);
  registration->set_priority(terms.priority);
  registration->set_weight(terms.weight.raw);
  registration->mutable_worker()->set_executable(name);
  options.registration = std::move(registration);
  processes_[id]->parent = node_manager;
  processes_[id]->machine = std::make_unique<CoreWorker>(*processes_[id]->env, options_.settings, std::move(options));
  return id;
}

ProcessId Cluster::StartClient(const std::string& name) {
  const ProcessId id = AddProcess(name, ProcessKind::kClient, name);
  processes_[id]->client = true;
  return id;
}

Cluster::EventKey Cluster::Schedule(Time when, Event event) {
  const EventKey key{when, ++sequence_};
  events_.emplace(key, std::move(event));
  return key;
}

Duration Cluster::Between(Duration min, Duration max) {
  return max <= min ? min
                    : min + Duration{static_cast<int64_t>(random_.Below(static_cast<uint64_t>((max - min).ns) + 1))};
}

void Cluster::ScheduleOnLink(ProcessId from, ProcessId to, Event event) {
  Time& last = last_arrival_[{from, to}];
  last = std::max(last, now_ + Between(options_.latency_min, options_.latency_max));
  Schedule(last, std::move(event));
}

Message Cluster::ThroughCodec(Message message) const {
  if (!options_.codec) return message;
  std::string bytes;
  message.AppendTo(bytes);
  ORRERY_ASSERT(bytes.size() == message.EncodedSize());
  return std::move(Message::Parse(message.kind(), bytes)).value();
}

void Cluster::SendMessage(ProcessId from, const Address& to, Message message) {
  message = ThroughCodec(std::move(message));
  if (to.local()) return SendLocal(from, to, std::move(message));
  UseMemory(from, message, true);
  const ProcessId target = FindAddress(to);
  if (target == kNoProcess || !Alive(target)) {
    if (broken_.count({from, target}) != 0) return;  // the news is under way
    Event lost;
    lost.type = Event::Type::kPeerLost;
    lost.target = from;
    lost.source = target;
    lost.address = to;
    lost.refused = true;
    Schedule(now_ + Between(options_.latency_min, options_.latency_max), std::move(lost));
    return;
  }
  if (broken_.count({from, target}) != 0) return;  // goes into the broken connection
  processes_[from]->peers.insert(target);
  processes_[target]->peers.insert(from);
  Event event;
  event.type = Event::Type::kMessage;
  event.target = target;
  event.source = from;
  event.message = std::move(message);
  ScheduleOnLink(from, target, std::move(event));
}

void Cluster::SendFrom(ProcessId client, ProcessId to, Message message) {
  SendMessage(client, processes_[to]->address, std::move(message));
}

void Cluster::Duplicate(ProcessId from, ProcessId to, const Message& message) {
  if (Alive(from)) SendMessage(from, processes_[to]->address, message.Clone());
}

void Cluster::EraseInFlight(ProcessId from, ProcessId to) {
  std::erase_if(events_, [&](const auto& entry) {
    const Event& event = entry.second;
    return event.type == Event::Type::kMessage && event.source == from && event.target == to;
  });
  held_.erase({from, to});
}

// Breaks the connection. A side that is to notice does so after what it was still to receive.
void Cluster::Disconnect(ProcessId a, ProcessId b, bool lose_from_a, bool lose_from_b, bool notice_a, bool notice_b) {
  processes_[a]->peers.erase(b);
  processes_[b]->peers.erase(a);
  if (lose_from_a) EraseInFlight(a, b);
  if (lose_from_b) EraseInFlight(b, a);
  const auto notice = [&](ProcessId who, ProcessId lost) {
    broken_.insert({who, lost});
    Event event;
    event.type = Event::Type::kPeerLost;
    event.target = who;
    event.source = lost;
    // Everybody knows the GCS as "whoever is there".
    event.address = processes_[lost]->address;
    if (lost == gcs_) event.address.incarnation = 0;
    ScheduleOnLink(lost, who, std::move(event));
  };
  if (notice_a) notice(a, b);
  if (notice_b) notice(b, a);
}

void Cluster::DropConnection(ProcessId a, ProcessId b) {
  if (Alive(a) && Alive(b) && processes_[a]->peers.count(b) != 0) Disconnect(a, b, true, true, true, true);
}

void Cluster::Kill(ProcessId id, int signal, bool lose_sent) {
  if (!Alive(id)) return;
  Process& process = *processes_[id];
  const WorkerId worker = process.worker;
  for (const auto& [timer, key] : process.timers) events_.erase(key);
  process.timers.clear();
  process.running.clear();
  process.machine.reset();
  process.client = false;
  const std::set<ProcessId> peers = process.peers;
  for (ProcessId peer : peers) Disconnect(id, peer, lose_sent, true, false, true);
  std::erase_if(events_, [&](const auto& entry) { return entry.second.target == id; });
  std::erase_if(broken_, [&](const auto& link) { return link.first == id; });
  // A worker that hangs before it connects cannot notice that its node manager is gone; the kernel tells it
  // (PDEATHSIG).
  for (const auto& other : processes_) {
    if (other->parent == id && other->client) other->client = false;
  }
  observer_->OnDied(id, signal == 0 ? "exits" : "killed by signal " + std::to_string(signal));
  if (process.kind == ProcessKind::kWorker && signal != 0) TellExited(process.parent, worker, 0, signal);
}

void Cluster::KillMachine(const std::string& node, bool lose_sent) {
  for (ProcessId id = 0; id < processes_.size(); ++id) {
    if (processes_[id]->host == node && processes_[id]->kind == ProcessKind::kNodeManager) Kill(id, 9, lose_sent);
  }
  for (ProcessId id = 0; id < processes_.size(); ++id) {
    if (processes_[id]->host == node) Kill(id, 9, lose_sent);
  }
}

bool Cluster::HeldLink(ProcessId from, ProcessId to) const {
  if (held_links_.count({from, to}) != 0) return true;
  if (isolated_.empty()) return false;
  const std::string& a = processes_[from]->host;
  const std::string& b = processes_[to]->host;
  return a != b && (isolated_.count(a) != 0 || isolated_.count(b) != 0);
}

void Cluster::Requeue(ProcessId from, ProcessId to) {
  auto it = held_.find({from, to});
  if (it == held_.end()) return;
  std::deque<Event> events = std::move(it->second);
  held_.erase(it);
  // Before anything that was sent on this link since: that is still to come.
  Time& last = last_arrival_[{from, to}];
  std::deque<Event> later;
  for (auto entry = events_.begin(); entry != events_.end();) {
    const Event& event = entry->second;
    const bool link = (event.type == Event::Type::kMessage || event.type == Event::Type::kPeerLost) && !event.refused &&
                      event.source == from && event.target == to;
    if (link) {
      later.push_back(std::move(entry->second));
      entry = events_.erase(entry);
    } else {
      ++entry;
    }
  }
  last = now_;
  for (Event& event : events) Schedule(now_, std::move(event));
  for (Event& event : later) ScheduleOnLink(from, to, std::move(event));
}

void Cluster::Release(ProcessId from, ProcessId to) {
  held_links_.erase({from, to});
  if (!HeldLink(from, to)) Requeue(from, to);
}

void Cluster::Rejoin(const std::string& node) {
  isolated_.erase(node);
  std::vector<std::pair<ProcessId, ProcessId>> links;
  for (const auto& [link, events] : held_) links.push_back(link);
  for (const auto& [from, to] : links) {
    if (!HeldLink(from, to)) Requeue(from, to);
  }
}

std::vector<std::pair<ProcessId, ProcessId>> Cluster::Connections() const {
  std::vector<std::pair<ProcessId, ProcessId>> pairs;
  for (const auto& process : processes_) {
    for (ProcessId peer : process->peers) {
      if (process->id < peer) pairs.emplace_back(process->id, peer);
    }
  }
  return pairs;
}

bool Cluster::Step(Time limit) {
  if (events_.empty() || events_.begin()->first.first > limit) return false;
  now_ = std::max(now_, events_.begin()->first.first);
  Event event = std::move(events_.begin()->second);
  events_.erase(events_.begin());
  Handle(std::move(event));
  return true;
}

bool Cluster::DeliverOne() { return Step(now_); }

void Cluster::Run(Duration span) {
  const Time end = now_ + span;
  while (Step(end)) {
  }
  now_ = end;
}

void Cluster::Handle(Event event) {
  if (event.type == Event::Type::kSpawn) return Spawn(std::move(event));
  const ProcessId target = event.target;
  const bool on_link = event.type == Event::Type::kMessage || event.type == Event::Type::kPeerLost;
  if (on_link && event.source != kNoProcess && HeldLink(event.source, target)) {
    held_[{event.source, target}].push_back(std::move(event));
    return;
  }
  if (!Alive(target)) return;
  Process& process = *processes_[target];
  if (process.client) {
    if (event.type == Event::Type::kMessage) observer_->OnDelivered(event.source, target, event.message);
    if (event.type == Event::Type::kPeerLost) broken_.erase({target, event.source});
    return;
  }
  switch (event.type) {
    case Event::Type::kStart: process.machine->Start(); break;
    case Event::Type::kMessage: {
      observer_->OnDelivered(event.source, target, event.message);
      UseMemory(target, event.message, false);
      process.machine->OnMessage(processes_[event.source]->address, std::move(event.message));
      break;
    }
    case Event::Type::kPeerLost:
      if (!event.refused) broken_.erase({target, event.source});
      observer_->OnPeerLost(target, event.address);
      process.machine->OnPeerLost(event.address);
      break;
    case Event::Type::kTimer:
      process.timers.erase({event.timer, event.id});
      process.machine->OnTimer(event.timer, event.id);
      break;
    case Event::Type::kLocal:
      observer_->OnLocal(target, event.address, false, event.message);
      process.machine->OnMessage(event.address, std::move(event.message));
      break;
    case Event::Type::kTaskEnd:
      for (const Running& running : process.running) {
        if (running.generation == event.id) return FinishTask(target, StatusCode::kOk, "", running.task);
      }
      return;
    case Event::Type::kMemory: return ObeyMemory(target, std::move(event.message));
    case Event::Type::kStorage: return Store(target, event.message.As<msg::StoreState>());
    case Event::Type::kSpawn: return;
  }
  if (process.machine != nullptr) process.machine->CheckInvariants(options_.check_full);
}

size_t Cluster::in_flight() const {
  size_t count = 0;
  for (const auto& [key, event] : events_) count += event.type == Event::Type::kMessage;
  for (const auto& [link, events] : held_) count += events.size();
  return count;
}

ProcessId Cluster::Find(std::string_view name) const {
  for (auto it = processes_.rbegin(); it != processes_.rend(); ++it) {
    if ((*it)->name == name) return (*it)->id;
  }
  return kNoProcess;
}

ProcessId Cluster::FindAddress(const Address& address) const {
  if (address.endpoint < 1000 || address.endpoint - 1000 >= processes_.size()) return kNoProcess;
  const ProcessId id = static_cast<ProcessId>(address.endpoint - 1000);
  const bool same = address.incarnation == 0 || address.incarnation == processes_[id]->address.incarnation;
  return same ? id : kNoProcess;
}

ProcessId Cluster::FindWorker(WorkerId worker) const {
  for (const auto& process : processes_) {
    if (process->worker == worker && worker) return process->id;
    if (process->kind == ProcessKind::kDriver && core(process->id) != nullptr && worker &&
        core(process->id)->id() == worker) {
      return process->id;
    }
  }
  return kNoProcess;
}

ProcessId Cluster::FindNode(NodeId id) const {
  for (const auto& process : processes_) {
    if (const NodeManager* manager = node(process->id); manager != nullptr && manager->id() == id) return process->id;
  }
  return kNoProcess;
}

const Gcs* Cluster::gcs(ProcessId process) const {
  return KindOf(process) == ProcessKind::kGcs ? static_cast<const Gcs*>(processes_[process]->machine.get()) : nullptr;
}
const NodeManager* Cluster::node(ProcessId process) const {
  return KindOf(process) == ProcessKind::kNodeManager
             ? static_cast<const NodeManager*>(processes_[process]->machine.get())
             : nullptr;
}
const CoreWorker* Cluster::core(ProcessId process) const {
  const ProcessKind kind = KindOf(process);
  const bool is = kind == ProcessKind::kDriver || kind == ProcessKind::kWorker;
  return is ? static_cast<const CoreWorker*>(processes_[process]->machine.get()) : nullptr;
}

}  // namespace orrery::test
