#include "tests/unit/control/random_life.h"

#include <algorithm>
#include <cstdio>

#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery::test {

namespace {
constexpr Duration kFaultyTime = Duration::Millis(800);
constexpr Duration kStep = Duration::Millis(4);
constexpr Duration kPatience = Duration::Seconds(600);
}  // namespace

ClusterOptions RandomLife::MakeOptions(uint64_t seed) {
  Random random = Random::Named(seed, "life", "options");
  ClusterOptions options;
  options.seed = seed;
  options.latency_min = Duration::Micros(10);
  options.latency_max = random.Chance(0.5) ? Duration::Micros(200) : Duration::Millis(random.Chance(0.5) ? 3 : 20);
  options.startup_min = Duration::Millis(1);
  options.startup_max = Duration::Millis(random.Chance(0.5) ? 5 : 60);
  Settings& settings = options.settings;
  const char* placements[] = {"hybrid", "hybrid", "spread", "random", "best_fit", "gpu_packing"};
  settings.placement = placements[random.Below(6)];
  // Short, so that requests are sent again while the first copy is under way.
  settings.request_retry_interval = Duration::Millis(random.Chance(0.5) ? 5 : 200);
  settings.worker_lease_timeout = Duration::Millis(random.Chance(0.3) ? 3 : 100);
  settings.lease_idle_timeout = Duration::Millis(random.Chance(0.5) ? 1 : 10);
  settings.pipeline_target = random.Chance(0.5) ? Duration::Millis(20) : Duration::Micros(1);
  settings.task_retry_delay = random.Chance(0.3) ? Duration::Millis(7) : Duration{};
  settings.health_check_initial_delay = Duration::Millis(20);
  settings.health_check_period = Duration::Millis(30);
  settings.health_check_timeout = Duration::Millis(60);
  settings.health_check_failures = 3;
  settings.gcs_reconnect_timeout = Duration::Millis(500);
  settings.worker_register_timeout = Duration::Millis(200);
  settings.worker_idle_timeout = Duration::Millis(random.Chance(0.5) ? 20 : 500);
  settings.worker_kill_grace = Duration::Millis(30);
  settings.worker_soft_limit = random.Chance(0.5) ? 0 : -1;
  settings.max_pending_lease_requests = random.Chance(0.3) ? 1 : -1;
  options.durable_gcs = random.Chance(0.6);
  Random jobs = Random::Named(seed, "life", "jobs");
  const char* schedulings[] = {"fifo", "priority", "fair_share"};
  settings.job_scheduling = schedulings[jobs.Below(3)];
  settings.job_preemption = jobs.Chance(0.5) ? "priority" : "none";
  settings.job_preemption_delay = Duration::Millis(jobs.Chance(0.5) ? 2 : 50);
  return options;
}

RandomLife::RandomLife(uint64_t seed, bool verbose)
    : seed_(seed), verbose_(verbose), random_(Random::Named(seed, "life", "events")) {
  const ClusterOptions options = MakeOptions(seed);
  durable_ = options.durable_gcs;
  cluster_ = std::make_unique<Cluster>(options, this);
  describe_ = std::make_unique<Describer>(*cluster_);
  // Swarm: each fault is wholly absent from half of all lives.
  for (double* rate : {&vanish_, &hold_, &kill_worker_, &kill_driver_, &kill_node_, &drop_, &isolate_, &duplicate_,
                       &bad_start_, &nest_, &cancel_, &close_, &kill_gcs_, &group_}) {
    *rate = Chance(0.5) ? 0 : 0.02 + 0.1 * random_.Uniform();
  }
}

RandomLife::~RandomLife() = default;

std::vector<ProcessId> RandomLife::Living(ProcessKind kind) const {
  std::vector<ProcessId> ids;
  for (ProcessId id = 0; id < cluster_->process_count(); ++id) {
    if (cluster_->KindOf(id) != kind || !cluster_->Alive(id)) continue;
    if (vanished_.count(cluster_->MachineOf(id)) == 0) ids.push_back(id);
  }
  return ids;
}

void RandomLife::StartNode() {
  const std::string name(1, static_cast<char>('a' + nodes_started_++));
  ResourceSet total = ResourceSet::Cpu(1.0 + static_cast<double>(Below(4)));
  if (Chance(0.4)) total.Set(ResourceKind::kGpu, FixedPoint::Whole(1 + static_cast<int64_t>(Below(2))));
  cluster_->StartNode(name, total, {{"zone", Chance(0.5) ? "east" : "west"}});
}

void RandomLife::Live(Time until) {
  while (cluster_->Step(until)) {
    if (++counts_.events > 3'000'000) return Wrong("endless: 3 million events");
  }
  if (cluster_->now() < until) cluster_->Run(until - cluster_->now());
}

std::vector<std::string> RandomLife::Run() {
  cluster_->StartGcs();
  const uint64_t nodes = 3 + Below(3);
  for (uint64_t i = 0; i < nodes; ++i) StartNode();
  const uint64_t drivers = 1 + Below(3);
  for (uint64_t i = 0; i < drivers; ++i) {
    const JobTerms terms{static_cast<int32_t>(i % 3), FixedPoint::Whole(1 + static_cast<int64_t>(i))};
    cluster_->StartDriver("d" + std::to_string(i), std::string(1, static_cast<char>('a' + Below(nodes))), terms);
  }
  Live(Time{Duration::Millis(100).ns});
  while (cluster_->now().ns < kFaultyTime.ns && wrong_.empty()) {
    for (uint64_t i = 1 + Below(3); i > 0; --i) Act();
    Break();
    CheckBundles();
    Live(cluster_->now() + Duration{1 + static_cast<int64_t>(Below(static_cast<uint64_t>(kStep.ns)))});
  }
  Heal();
  const Time limit = cluster_->now() + kPatience;
  while (!AllEnded() && cluster_->now() < limit && wrong_.empty()) Live(cluster_->now() + Duration::Millis(50));
  if (wrong_.empty()) CheckEnds();
  for (ProcessId driver : Living(ProcessKind::kDriver)) {
    if (cluster_->Ready(driver) && closed_.insert(driver).second) cluster_->CloseDriver(driver);
  }
  // Long enough for idle leases, retries (64 intervals) and dead nodes to be noticed.
  if (wrong_.empty()) Live(cluster_->now() + Duration::Seconds(40));
  if (wrong_.empty()) CheckNothingLeft();
  return wrong_;
}

// ---- programs -------------------------------------------------------------------------------------------------------

ObjectId RandomLife::Submit(ProcessId process, TaskId parent, int depth) {
  TaskPlan plan;
  Submitted submitted;
  plan.request.resources = ResourceSet::Cpu(Chance(0.2) ? 0.5 : Chance(0.2) ? 0 : 1);
  // Only the CPU is given back while a task waits for its children: children that need GPUs could wait for ever.
  if (Chance(0.1) && !parent)
    plan.request.resources.Set(ResourceKind::kGpu, FixedPoint::Milli(Chance(0.5) ? 500 : 1000));
  SchedulingStrategy& strategy = plan.request.strategy;
  if (Chance(0.1)) strategy.kind = SchedulingStrategy::Kind::kSpread;
  if (Chance(0.05)) strategy.kind = SchedulingStrategy::Kind::kRandom;
  if (Chance(0.05)) strategy.hard_labels.push_back({"zone", LabelExpression::Op::kIn, {Chance(0.5) ? "east" : "west"}});
  if (!strategy.hard_labels.empty() && Chance(0.3))
    strategy.fallbacks.push_back({{"zone", LabelExpression::Op::kIn, {Chance(0.5) ? "east" : "west"}}});
  if (Chance(0.1) && group_ == 0) {  // a group may hold all of the one node that would do
    strategy.kind = SchedulingStrategy::Kind::kNodeAffinity;
    strategy.affinity_node = 1 + static_cast<uint32_t>(Below(5));
    strategy.soft = Chance(0.5);
    submitted.may_be_infeasible = !strategy.soft;
  }
  if (!parent && group_ > 0 && Chance(0.3) && PutInGroup(process, plan.request)) {
    submitted.may_be_infeasible = false;
    submitted.in_group = true;
    ++counts_.in_groups;
  }
  plan.work = Chance(0.3) ? Duration::Micros(50) : Duration::Micros(static_cast<int64_t>(Below(15'000)));
  plan.retries = submitted.retries = static_cast<int32_t>(Below(5));
  plan.retry_exceptions = Chance(0.5);
  plan.function = Chance(0.1) ? kThrows : kPlain;
  if (depth < 2 && Chance(nest_ * 3)) plan.function = Chance(0.7) ? kNestAndGet : kNestAndForget;
  plan.parent = parent;
  if (Chance(0.25) && !parent) {
    std::vector<ObjectId>& known = objects_[process];
    for (uint64_t i = Below(3); i > 0 && !known.empty(); --i) plan.args.push_back(known[Below(known.size())]);
  }
  plan.name = std::to_string(depth);
  const ObjectId object = cluster_->Submit(process, plan);
  submitted.owner = process;
  if (vanished_.count(cluster_->MachineOf(process)) != 0) submitted.ends = -1'000;  // nobody will know
  ++counts_.tasks;
  tasks_.emplace(object.task, submitted);
  if (!parent) objects_[process].push_back(object);
  return object;
}

void RandomLife::RunNested(ProcessId worker, const msg::ExecuteTask& task) {
  const TaskId parent{{task.spec().owner()}, task.spec().index()};
  std::vector<ObjectId> children;
  for (uint64_t i = 1 + Below(3); i > 0; --i)
    children.push_back(Submit(worker, parent, 1 + std::stoi(task.spec().name())));
  counts_.nested += children.size();
  if (task.spec().function() == kNestAndForget) return cluster_->FinishTask(worker);
  const uint64_t request = cluster_->Get(worker, children, Duration{Chance(0.2) ? 5'000'000 : -1}, true);
  gets_[{worker, request}] = parent;
}

bool RandomLife::OnExecute(ProcessId worker, const msg::ExecuteTask& task) {
  const TaskId id{{task.spec().owner()}, task.spec().index()};
  auto it = tasks_.find(id);
  if (it == tasks_.end()) {
    Wrong("a task runs that nobody submitted");
  } else if (!it->second.executed.insert(task.attempt()).second) {
    Wrong(ToString(id) + " attempt " + std::to_string(task.attempt()) + " ran twice");
  }
  switch (task.spec().function()) {
    case kThrows: cluster_->FinishTask(worker, StatusCode::kApplicationError, "thrown"); return true;
    case kNestAndGet:
    case kNestAndForget: RunNested(worker, task); return true;
    default: return false;
  }
}

void RandomLife::Act() {
  std::vector<ProcessId> drivers;
  for (ProcessId id : Living(ProcessKind::kDriver)) {
    if (cluster_->Ready(id) && closed_.count(id) == 0) drivers.push_back(id);
  }
  if (drivers.empty()) return;
  const ProcessId driver = drivers[Below(drivers.size())];
  if (Chance(cancel_ * 3) && !objects_[driver].empty()) {
    const TaskId task = objects_[driver][Below(objects_[driver].size())].task;
    tasks_[task].cancelled = true;
    return cluster_->CancelTask(driver, task, Chance(0.4), Chance(0.5));
  }
  if (Chance(close_ * 0.1)) {
    closed_.insert(driver);
    return cluster_->CloseDriver(driver);
  }
  if (Chance(group_ * 3)) ActOnGroups(driver);
  for (uint64_t i = Below(4); i > 0; --i) Submit(driver, {}, 0);
}

// ---- faults ---------------------------------------------------------------------------------------------------------

void RandomLife::KillSomething(uint64_t what) {
  const ProcessKind kinds[] = {ProcessKind::kWorker, ProcessKind::kDriver, ProcessKind::kNodeManager};
  const std::vector<ProcessId> living = Living(kinds[what]);
  if (living.empty()) return;
  const ProcessId victim = living[Below(living.size())];
  const bool machine = kinds[what] == ProcessKind::kNodeManager && Chance(0.5);
  uint64_t* counters[] = {&counts_.killed_workers, &counts_.killed_drivers, &counts_.killed_nodes};
  ++*counters[what];
  if (machine)
    cluster_->KillMachine(cluster_->MachineOf(victim), Chance(0.5));
  else
    cluster_->Kill(victim, Chance(0.5) ? 9 : 11, Chance(0.3));
}

// Its successor comes before the nodes lose patience.
void RandomLife::KillGcs() {
  const ProcessId gcs = cluster_->Find("gcs");
  if (cluster_->Alive(gcs)) {
    ++counts_.killed_gcs;
    cluster_->Kill(gcs, 9, Chance(0.3));
    gcs_back_ = cluster_->now() + Duration::Millis(static_cast<int64_t>(Below(100)));
  } else if (gcs_back_ <= cluster_->now() || !faulty_) {
    cluster_->StartGcs();
  }
}

// Within a machine a connection breaks only with a process.
void RandomLife::DropSomething() {
  std::vector<std::pair<ProcessId, ProcessId>> pairs;
  for (const auto& [a, b] : cluster_->Connections()) {
    if (cluster_->Alive(a) && cluster_->Alive(b) && cluster_->MachineOf(a) != cluster_->MachineOf(b))
      pairs.emplace_back(a, b);
  }
  if (pairs.empty()) return;
  const auto [a, b] = pairs[Below(pairs.size())];
  ++counts_.drops;
  if (verbose_) std::printf("!! drop %s %s\n", cluster_->NameOf(a).c_str(), cluster_->NameOf(b).c_str());
  cluster_->DropConnection(a, b);
}

// As when a machine loses its power or its cable: no connection breaks, and only health checks tell.
void RandomLife::VanishSomething() {
  const std::string node(1, static_cast<char>('a' + Below(nodes_started_)));
  if (!vanished_.insert(node).second) return;
  ++counts_.vanished;
  cluster_->Isolate(node);
  isolated_.insert(node);
  std::erase_if(rejoin_, [&](const auto& entry) { return entry.second == node; });
  for (auto& [id, task] : tasks_) {
    if (cluster_->MachineOf(task.owner) == node && task.ends == 0) task.ends = -1'000;
  }
}

// One direction of one connection stalls for a while.
void RandomLife::HoldSomething() {
  if (!held_.empty() && Chance(0.6)) {
    cluster_->Release(held_.back().first, held_.back().second);
    held_.pop_back();
    return;
  }
  const auto pairs = cluster_->Connections();
  if (pairs.empty()) return;
  auto [from, to] = pairs[Below(pairs.size())];
  if (Chance(0.5)) std::swap(from, to);
  cluster_->Hold(from, to);
  held_.emplace_back(from, to);
}

void RandomLife::Break() {
  if (Chance(kill_worker_)) KillSomething(0);
  if (Chance(kill_driver_ * 0.1)) KillSomething(1);
  if (Chance(kill_node_ * 0.1)) KillSomething(2);
  if (!cluster_->Alive(cluster_->Find("gcs")) || (durable_ && Chance(kill_gcs_))) KillGcs();
  if (Chance(drop_)) DropSomething();
  if (Chance(vanish_ * 0.05)) VanishSomething();
  if (Chance(hold_)) HoldSomething();
  const std::string node(1, static_cast<char>('a' + Below(nodes_started_)));
  if (Chance(isolate_ * 0.3) && isolated_.insert(node).second) {
    ++counts_.isolations;
    cluster_->Isolate(node);
    rejoin_.emplace_back(cluster_->now() + Duration::Millis(static_cast<int64_t>(Below(400))), node);
  }
  std::erase_if(rejoin_, [&](const auto& entry) {
    if (entry.first > cluster_->now()) return false;
    cluster_->Rejoin(entry.second);
    isolated_.erase(entry.second);
    return true;
  });
  if (Chance(bad_start_))
    cluster_->SetStartMode(node, Chance(0.5) ? Cluster::StartMode::kFails : Cluster::StartMode::kHangs);
  if (Chance(bad_start_)) cluster_->SetStartMode(node, Cluster::StartMode::kNormal);
  if (Chance(0.01) && nodes_started_ < 8) StartNode();
}

// New faults end; what is dead stays dead. A last node can hold whatever was submitted.
void RandomLife::Heal() {
  faulty_ = false;
  if (!cluster_->Alive(cluster_->Find("gcs"))) KillGcs();
  for (const auto& [at, node] : rejoin_) cluster_->Rejoin(node);
  for (const auto& [from, to] : held_) cluster_->Release(from, to);
  for (uint32_t i = 0; i < nodes_started_; ++i) {
    cluster_->SetStartMode(std::string(1, static_cast<char>('a' + i)), Cluster::StartMode::kNormal);
  }
  for (const char* zone : {"east", "west"}) {
    ResourceSet total = ResourceSet::Cpu(10);
    total.Set(ResourceKind::kGpu, FixedPoint::Whole(2));
    cluster_->StartNode(std::string("last-") + zone, total, {{"zone", zone}});
  }
}

// ---- what is seen ---------------------------------------------------------------------------------------------------

void RandomLife::OnDelivered(ProcessId from, ProcessId to, const Message& message) {
  if (verbose_) {
    std::printf("%9.3f %s → %s: %s\n", cluster_->now().seconds() * 1e3, cluster_->NameOf(from).c_str(),
                cluster_->NameOf(to).c_str(), describe_->Text(message).c_str());
  }
  if (faulty_ && duplicate_ > 0 && Chance(duplicate_)) {
    ++counts_.duplicates;
    cluster_->Duplicate(from, to, message);
  }
}

void RandomLife::OnLocal(ProcessId process, const Address& endpoint, bool to_endpoint, const Message& message) {
  const CoreWorker* core = cluster_->core(process);
  const WorkerId self = core == nullptr ? WorkerId{} : core->id();
  if (verbose_) {
    std::printf("%9.3f %s %s %s: %s\n", cluster_->now().seconds() * 1e3, cluster_->NameOf(process).c_str(),
                to_endpoint ? "→" : "←", describe_->Of(endpoint).c_str(), describe_->Text(message, self).c_str());
  }
  if (!to_endpoint || endpoint != Address::Application()) return;
  if (message.kind() == MessageKind::kObjectsReady) {
    auto it = gets_.find({process, message.As<msg::ObjectsReady>().request()});
    if (it == gets_.end()) return;
    const TaskId task = it->second;
    gets_.erase(it);
    if (cluster_->RunningOn(process) == task) cluster_->FinishTask(process);
  }
  if (message.kind() == MessageKind::kPlacementGroupReply) OnGroupReply(message.As<msg::PlacementGroupReply>());
  if (message.kind() != MessageKind::kTaskFinished) return;
  const auto& end = message.As<msg::TaskFinished>();
  const TaskId id{self, end.index()};
  auto it = tasks_.find(id);
  if (it == tasks_.end()) return Wrong(ToString(id) + " ends, but was never submitted");
  Submitted& task = it->second;
  if (++task.ends > 1) Wrong(ToString(id) + " ends twice");
  if (end.attempts() > static_cast<uint32_t>(task.retries) + task.preempted + 1)
    Wrong(ToString(id) + " had more attempts than allowed");
  task.status = end.status();
  const auto code = static_cast<StatusCode>(end.status());
  if (code == StatusCode::kOk && task.executed.empty()) Wrong(ToString(id) + " is ok, but never ran");
  if (code == StatusCode::kInfeasible && !task.may_be_infeasible && end.error().find("argument") == std::string::npos) {
    Wrong(ToString(id) + " was feasible: " + end.error());
  }
  if (code == StatusCode::kPlacementGroupRemoved && !task.in_group && end.error().find("argument") == std::string::npos)
    Wrong(ToString(id) + " was in no group: " + end.error());
  if (code == StatusCode::kInternal || code == StatusCode::kNotFound) Wrong(ToString(id) + ": " + end.error());
  ++(code == StatusCode::kOk ? counts_.ok : code == StatusCode::kCancelled ? counts_.cancelled : counts_.failed);
}

void RandomLife::OnPeerLost(ProcessId process, const Address& peer) {
  if (!verbose_) return;
  std::printf("%9.3f %s: connection to %s lost\n", cluster_->now().seconds() * 1e3, cluster_->NameOf(process).c_str(),
              describe_->Of(peer).c_str());
}

void RandomLife::OnDied(ProcessId process, const std::string& reason) {
  if (verbose_) {
    std::printf("%9.3f %s %s\n", cluster_->now().seconds() * 1e3, cluster_->NameOf(process).c_str(), reason.c_str());
  }
  // What a dead process owned has nobody to end for.
  for (auto& [id, task] : tasks_) {
    if (task.owner == process && task.ends == 0) task.ends = -1'000;
  }
}

void RandomLife::OnTrace(ProcessId process, const TraceEvent& event) {
  counts_.retried += event.kind == TraceKind::kTaskRetried;
  counts_.preempted += event.kind == TraceKind::kLeasePreempted;
  if (event.kind == TraceKind::kTaskRetried && event.c == static_cast<int64_t>(StatusCode::kPreempted)) {
    if (auto it = tasks_.find(event.task); it != tasks_.end()) ++it->second.preempted;
  }
  counts_.spilled += event.kind == TraceKind::kLeaseSpilled;
  counts_.stale += event.kind == TraceKind::kStaleMessage;
  counts_.nodes_dead += event.kind == TraceKind::kNodeDead;
  if (!verbose_ || event.kind == TraceKind::kTransition) return;
  std::printf("            %s trace %d %s\n", cluster_->NameOf(process).c_str(), static_cast<int>(event.kind),
              std::string(event.text).c_str());
}

// ---- verdict --------------------------------------------------------------------------------------------------------

bool RandomLife::AllEnded() const {
  return std::all_of(tasks_.begin(), tasks_.end(), [](const auto& entry) { return entry.second.ends != 0; });
}

void RandomLife::CheckEnds() {
  for (const auto& [id, task] : tasks_) {
    if (task.ends == 0) Wrong(ToString(id) + " of " + cluster_->NameOf(task.owner) + " never ended");
  }
  if (wrong_.empty()) return;
  for (const auto& demand : cluster_->gcs(cluster_->Find("gcs"))->resources().PendingDemand()) {
    const SchedulingStrategy& strategy = demand.request.strategy;
    Wrong("gcs: " + std::to_string(demand.count) + " wait for " + ToString(demand.request.resources) + ", strategy " +
          std::to_string(static_cast<int>(strategy.kind)) + ", node " + std::to_string(strategy.affinity_node) +
          (demand.infeasible ? ", infeasible" : ""));
  }
}

void RandomLife::CheckNothingLeft() {
  const Gcs* gcs = cluster_->gcs(cluster_->Find("gcs"));
  if (gcs->resources().parked() != 0)
    Wrong("gcs: " + std::to_string(gcs->resources().parked()) + " leases parked for nobody");
  if (gcs->resources().assigned() != 0)
    Wrong("gcs: " + std::to_string(gcs->resources().assigned()) + " assignments never seen");
  if (!gcs->placement_groups().all().empty()) Wrong("gcs: placement groups of jobs that have ended");
  for (const auto& [id, job] : gcs->jobs().all()) {
    if (job.running) Wrong(ToString(id) + " still runs");
  }
  for (ProcessId id : Living(ProcessKind::kNodeManager)) {
    const NodeManager* node = cluster_->node(id);
    const std::string& name = cluster_->NameOf(id);
    if (node->leases().queued() != 0) Wrong(name + ": leases queued for nobody");
    if (node->leases().granted() != 0) Wrong(name + ": leases granted to nobody");
    const NodeView* view = gcs->resources().view().Find(node->id());
    if (view == nullptr)
      Wrong(name + " lives, but not for the GCS");
    else if (view->available != view->total)
      Wrong("gcs: view of " + name + " is " + ToString(view->available));
    if (node->workers().size() != 0) Wrong(name + ": workers without job");
    if (node->leases().bundles().size() != 0) Wrong(name + ": bundles reserved for nobody");
    if (node->pending_requests() != 0) Wrong(name + ": requests without answer");
  }
  for (ProcessId id : Living(ProcessKind::kDriver)) {
    const CoreWorker* core = cluster_->core(id);
    if (!cluster_->Ready(id)) continue;
    if (core->tasks().size() != 0) Wrong(cluster_->NameOf(id) + ": tasks left");
    if (core->submitter().leases() != 0) Wrong(cluster_->NameOf(id) + ": leases left");
    // A closed driver is not told of dead nodes; its process would be gone by now.
    if (core->pending_requests() != 0 && vanished_.empty()) Wrong(cluster_->NameOf(id) + ": requests without answer");
  }
  if (!Living(ProcessKind::kWorker).empty()) Wrong("workers outlive their jobs");
}

}  // namespace orrery::test
