#include "tests/unit/core_worker/object_life.h"

#include <algorithm>
#include <cstdio>

#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"

namespace orrery::test {

namespace {
constexpr Duration kStep = Duration::Millis(5);
constexpr uint32_t kClass = 1000;
}  // namespace

ClusterOptions ObjectLife::MakeOptions(uint64_t seed) {
  Random random = Random::Named(seed, "objects", "options");
  ClusterOptions options;
  options.seed = seed;
  options.latency_min = Duration::Micros(10);
  options.latency_max = random.Chance(0.5) ? Duration::Micros(200) : Duration::Millis(random.Chance(0.5) ? 3 : 15);
  options.startup_min = Duration::Millis(1);
  options.startup_max = Duration::Millis(5);
  Settings& settings = options.settings;
  settings.request_retry_interval = Duration::Millis(random.Chance(0.5) ? 20 : 200);
  settings.worker_lease_timeout = Duration::Millis(100);
  settings.lease_idle_timeout = Duration::Millis(random.Chance(0.5) ? 1 : 10);
  settings.worker_idle_timeout = Duration::Millis(random.Chance(0.5) ? 30 : 1000);
  settings.worker_soft_limit = random.Chance(0.5) ? 0 : -1;
  settings.worker_kill_grace = Duration::Millis(500);
  settings.health_check_initial_delay = Duration::Millis(20);
  settings.health_check_period = Duration::Millis(30);
  settings.health_check_timeout = Duration::Millis(60);
  settings.inline_limit = 100;
  settings.object_chunk_bytes = 256;
  settings.object_pull_retry = Duration::Millis(300);
  settings.object_fanout = random.Chance(0.3) ? 1 : 2;
  settings.spill_fuse_bytes = 1000;
  settings.locality = random.Chance(0.8) ? "most_bytes" : "none";
  if (random.Chance(0.2)) settings.max_lineage_bytes = 500;
  return options;
}

ObjectLife::ObjectLife(uint64_t seed, uint64_t steps, bool verbose)
    : seed_(seed), steps_(steps), verbose_(verbose), random_(Random::Named(seed, "objects", "life")) {
  cluster_ = std::make_unique<Cluster>(MakeOptions(seed), this);
  describe_ = std::make_unique<Describer>(*cluster_);
  stored_ = Chance(0.3) ? 0.1 : 0.6;
  if (Chance(0.25)) return;  // no faults: every read must be well
  const auto rate = [&] { return Chance(0.5) ? 0.0 : 0.12 * static_cast<double>(1 + Below(3)) / 3; };
  kill_worker_ = rate(), kill_driver_ = rate() * 0.2, kill_node_ = rate() * 0.2, drop_ = rate();
}

ObjectLife::~ObjectLife() = default;

std::vector<ProcessId> ObjectLife::Living(ProcessKind kind) const {
  std::vector<ProcessId> ids;
  for (ProcessId id = 0; id < cluster_->process_count(); ++id) {
    if (cluster_->KindOf(id) == kind && cluster_->Alive(id)) ids.push_back(id);
  }
  return ids;
}

std::vector<ProcessId> ObjectLife::Apps() const {
  std::vector<ProcessId> ids;
  for (const auto& [id, app] : apps_) {
    if (cluster_->Alive(id)) ids.push_back(id);
  }
  return ids;
}

void ObjectLife::Live(Time until) {
  while (cluster_->Step(until)) {
    if (++counts_.events > 2'000'000) return Wrong("endless: 2 million events");
  }
  if (cluster_->now() < until) cluster_->Run(until - cluster_->now());
}

std::vector<std::string> ObjectLife::Run() {
  cluster_->StartGcs();
  const uint64_t nodes = 2 + Below(3);
  for (uint64_t i = 0; i < nodes; ++i) {
    ResourceSet total = ResourceSet::Cpu(2);
    const int64_t capacity = Chance(0.5) ? 6'000 : 100'000;
    total.Set(ResourceKind::kObjectStoreMemory, FixedPoint::Whole(capacity));
    cluster_->StartNode(std::string(1, static_cast<char>('a' + i)), total);
  }
  for (uint64_t i = 0; i < 2; ++i) {
    cluster_->StartDriver("d" + std::to_string(i), std::string(1, static_cast<char>('a' + Below(nodes))));
  }
  Live(Time{Duration::Millis(100).ns});
  for (ProcessId driver : Living(ProcessKind::kDriver)) apps_[driver];
  for (uint64_t step = 0; step < steps_ && wrong_.empty(); ++step) {
    for (uint64_t i = 1 + Below(3); i > 0; --i) Act();
    Break();
    Live(cluster_->now() + Duration{1 + static_cast<int64_t>(Below(static_cast<uint64_t>(kStep.ns)))});
  }
  faulty_ = false;
  ReadEverything();
  if (wrong_.empty()) CheckNothingLeft();
  return wrong_;
}

// ---- programs -------------------------------------------------------------------------------------------------------

ObjectReference ObjectLife::Pick(const App& app) {
  auto it = app.held.begin();
  std::advance(it, static_cast<std::ptrdiff_t>(Below(app.held.size())));
  return it->second.first;
}

std::vector<ObjectReference> ObjectLife::PickSome(const App& app, uint64_t most) {
  std::vector<ObjectReference> some;
  for (uint64_t i = Below(most + 1); i > 0 && !app.held.empty(); --i) some.push_back(Pick(app));
  return some;
}

// Values that hold one another for ever are never freed, here as in Ray.
bool ObjectLife::Reaches(ObjectId from, ObjectId to) const {
  std::vector<ObjectId> todo = {from};
  std::set<ObjectId> seen;
  while (!todo.empty()) {
    const ObjectId object = todo.back();
    todo.pop_back();
    if (object == to) return true;
    if (!seen.insert(object).second) continue;
    for (const ObjectReference& inner : truth_.at(object).refs) todo.push_back(inner.id);
  }
  return false;
}

void ObjectLife::Hold(ProcessId process, const ObjectReference& ref, bool decoded) {
  App& app = apps_[process];
  auto& entry = app.held[ref.id];
  entry.first = ref;
  ++entry.second;
  app.ever.insert(ref.id);
  if (!decoded) return;
  ++counts_.borrowed;
  Draft<msg::BorrowObject> borrow;
  ToProto(ref, borrow->mutable_object());
  cluster_->FromApplication(process, std::move(borrow));
}

void ObjectLife::DropOne(ProcessId process, ObjectId object) {
  App& app = apps_[process];
  for (const auto& [request, wanted] : app.gets) {
    if (wanted == object) return;  // whoever waits for a value holds its ref
  }
  if (--app.held.at(object).second == 0) app.held.erase(object);
  Draft<msg::ReleaseObjects> release;
  ToProto(object, release->add_objects());
  cluster_->FromApplication(process, std::move(release));
}

void ObjectLife::DropAll(ProcessId process) {
  const auto held = apps_[process].held;
  for (const auto& [object, entry] : held) {
    for (uint32_t i = 0; i < entry.second; ++i) DropOne(process, object);
  }
}

void ObjectLife::ReleaseViews(ProcessId process) {
  for (ObjectId object : std::exchange(apps_[process].views, {})) {
    Draft<msg::ReleaseView> release;
    ToProto(object, release->mutable_object());
    cluster_->FromApplication(process, std::move(release));
  }
}

ObjectReference ObjectLife::Put(ProcessId process) {
  App& app = apps_[process];
  const ObjectReference ref{{{cluster_->core(process)->id(), ++app.last_index}, 0}, cluster_->AddressOf(process)};
  Truth& truth = truth_[ref.id];
  truth.owner = process;
  truth.put = true;
  truth.size = Chance(stored_) ? 200 + static_cast<int64_t>(Below(1'300)) : 0;
  truth.refs = PickSome(app, 2);
  Draft<msg::PutObject> put;
  ToProto(ref.id, put->mutable_object());
  if (truth.size > 0)
    put->set_size(truth.size);
  else
    put->set_value(ToString(ref.id));
  for (const ObjectReference& inner : truth.refs) ToProto(inner, put->add_refs());
  cluster_->FromApplication(process, std::move(put));
  Hold(process, ref, false);
  ++counts_.puts;
  counts_.stored += truth.size > 0;
  return ref;
}

void ObjectLife::Submit(ProcessId process, TaskId parent) {
  App& app = apps_[process];
  if (!std::exchange(app.has_class, true)) {
    Draft<msg::DefineClass> define;
    define->set_class_id(kClass);
    ToProto(SchedulingRequest{ResourceSet::Cpu(1), {}}, define->mutable_spec());
    cluster_->FromApplication(process, std::move(define));
  }
  const TaskId task{cluster_->core(process)->id(), ++app.last_index};
  Plan plan;
  plan.result = {task, 0};
  plan.size = Chance(stored_) ? 200 + static_cast<int64_t>(Below(1'300)) : 0;
  plan.retries = Chance(0.5) ? 0 : 1 + static_cast<int32_t>(Below(4));
  Truth& truth = truth_[plan.result];
  truth.owner = process;
  truth.size = plan.size;
  Draft<msg::SubmitTask> submit;
  msg::TaskSpec* spec = submit->mutable_spec();
  spec->set_owner(task.owner.value);
  spec->set_index(task.index);
  spec->set_num_returns(1);
  for (const ObjectReference& ref : PickSome(app, 2)) {  // by value
    msg::TaskArg* arg = spec->add_args();
    arg->set_object_owner(ref.id.task.owner.value);
    arg->set_object_task(ref.id.task.index);
    arg->set_object_index(ref.id.index);
    ToProto(ref.owner, arg->mutable_owner_address());
  }
  const std::vector<ObjectReference> passed = PickSome(app, 3);  // by reference
  msg::TaskArg* arg = spec->add_args();
  arg->set_value("v");
  for (const ObjectReference& ref : passed) ToProto(ref, arg->add_refs());
  for (size_t i = 0; i < passed.size(); ++i) {
    if (!Chance(0.4)) continue;
    plan.returned_refs.push_back(i);
    truth.refs.push_back(passed[i]);
  }
  submit->set_class_id(kClass);
  submit->set_max_retries(plan.retries);
  submit->set_parent(parent.index);
  submit->set_parent_owner(parent.owner.value);
  cluster_->FromApplication(process, std::move(submit));
  plans_[task] = plan;
  Hold(process, {plan.result, cluster_->AddressOf(process)}, false);
  ++counts_.tasks;
  counts_.nested += parent.index != 0;
}

void ObjectLife::Get(ProcessId process, ObjectId object, bool from_task) {
  App& app = apps_[process];
  Draft<msg::GetObjects> get;
  get->set_request(++app.last_request);
  ToProto(object, get->add_objects());
  // A task may wait for what waits for that task: never for ever.
  get->set_timeout_ns(from_task ? Duration::Millis(20).ns : -1);
  get->set_from_task(from_task);
  cluster_->FromApplication(process, std::move(get));
  app.gets[app.last_request] = object;
}

// The last argument holds the refs by position; others may bring refs inside their values.
bool ObjectLife::OnExecute(ProcessId worker, const msg::ExecuteTask& task) {
  App& app = apps_[worker];
  Running running;
  running.plan = plans_.at({{task.spec().owner()}, task.spec().index()});
  std::vector<ObjectReference> found;
  for (int i = 0; i < task.spec().args_size(); ++i) {
    const msg::TaskArg& arg = task.spec().args(i);
    const ObjectId object{{{arg.object_owner()}, arg.object_task()}, arg.object_index()};
    if (object) {
      const Truth& truth = truth_.at(object);
      if (arg.size() != truth.size) Wrong(ToString(object) + " is mapped with another size");
      found.insert(found.end(), truth.refs.begin(), truth.refs.end());
    }
    for (const msg::RefProto& ref : arg.refs()) {
      found.push_back(FromProto(ref));
      if (i + 1 == task.spec().args_size()) running.arg_refs.push_back(FromProto(ref));
    }
  }
  const ProcessId submitter = truth_.at(running.plan.result).owner;
  for (const ObjectReference& ref : found) apps_[submitter].ever.insert(ref.id);
  app.running = std::move(running);
  const std::set<size_t> returned(app.running->plan.returned_refs.begin(), app.running->plan.returned_refs.end());
  for (size_t i : returned) Hold(worker, app.running->arg_refs[i], true);
  for (const ObjectReference& ref : found) {
    if (Chance(0.5)) Hold(worker, ref, true);
  }
  if (Chance(0.3)) Put(worker);
  if (Chance(0.25)) Submit(worker, app.running->plan.result.task);
  if (!app.held.empty() && Chance(0.4)) {
    Get(worker, Pick(app).id, true);
    app.running->waits_for = app.last_request;
    return true;
  }
  FinishRunning(worker);
  return true;
}

void ObjectLife::FinishRunning(ProcessId worker) {
  App& app = apps_[worker];
  const Running running = std::move(*app.running);
  app.running.reset();
  Truth& truth = truth_.at(running.plan.result);
  // A task that runs once may return what it likes; one that may run again must return the same each time.
  if (running.plan.retries == 0) {
    for (const ObjectReference& ref : PickSome(app, 2)) {
      if (!Reaches(ref.id, running.plan.result)) truth.refs.push_back(ref);
    }
  }
  Draft<msg::TaskExecuted> result;
  result->set_owner(running.plan.result.task.owner.value);
  result->set_index(running.plan.result.task.index);
  result->add_returns(running.plan.size > 0 ? "" : ToString(running.plan.result));
  if (running.plan.size > 0 || !truth.refs.empty()) {
    msg::StoredReturn* stored = result->add_stored();
    stored->set_size(running.plan.size);
    for (const ObjectReference& ref : truth.refs) ToProto(ref, stored->add_refs());
  }
  counts_.refs_returned += truth.refs.size();
  for (const ObjectReference& ref : truth.refs) apps_[truth.owner].ever.insert(ref.id);
  cluster_->FinishTaskWith(worker, std::move(result));
  if (Chance(0.7)) {
    DropAll(worker);
    ReleaseViews(worker);
  }
}

void ObjectLife::Act() {
  const std::vector<ProcessId> apps = Apps();
  if (apps.empty()) return;
  const ProcessId process = apps[Below(apps.size())];
  App& app = apps_[process];
  const bool driver = cluster_->KindOf(process) == ProcessKind::kDriver;
  if (Chance(0.4)) ReleaseViews(process);
  if (app.held.size() > 12 || (!app.held.empty() && !app.running && Chance(driver ? 0.2 : 0.5))) {
    return DropOne(process, Pick(app).id);
  }
  if (!driver) return;
  const uint64_t what = Below(4);
  if (what == 0) Put(process);
  if (what == 1 && !app.held.empty()) Get(process, Pick(app).id, false);
  if (what >= 2) Submit(process, {});
}

// ---- faults ---------------------------------------------------------------------------------------------------------

void ObjectLife::KillSomething(ProcessKind kind) {
  const std::vector<ProcessId> living = Living(kind);
  if (living.empty() || (kind == ProcessKind::kNodeManager && living.size() == 1)) return;
  const ProcessId victim = living[Below(living.size())];
  if (verbose_) std::printf("!! kill %s\n", cluster_->NameOf(victim).c_str());
  if (kind == ProcessKind::kNodeManager) {
    ++counts_.killed_nodes;
    cluster_->KillMachine(cluster_->MachineOf(victim), Chance(0.5));
  } else {
    ++(kind == ProcessKind::kWorker ? counts_.killed_workers : counts_.killed_drivers);
    cluster_->Kill(victim, 9, Chance(0.3));
  }
}

void ObjectLife::DropSomething() {
  std::vector<std::pair<ProcessId, ProcessId>> pairs;
  for (const auto& [a, b] : cluster_->Connections()) {
    if (cluster_->Alive(a) && cluster_->Alive(b) && cluster_->MachineOf(a) != cluster_->MachineOf(b)) {
      pairs.emplace_back(a, b);
    }
  }
  if (pairs.empty()) return;
  const auto [a, b] = pairs[Below(pairs.size())];
  ++counts_.drops;
  if (verbose_) std::printf("!! drop %s %s\n", cluster_->NameOf(a).c_str(), cluster_->NameOf(b).c_str());
  cluster_->DropConnection(a, b);
}

void ObjectLife::Break() {
  if (Chance(kill_worker_)) KillSomething(ProcessKind::kWorker);
  if (Chance(kill_driver_)) KillSomething(ProcessKind::kDriver);
  if (Chance(kill_node_)) KillSomething(ProcessKind::kNodeManager);
  if (Chance(drop_)) DropSomething();
}

// ---- what is seen ---------------------------------------------------------------------------------------------------

void ObjectLife::OnReady(ProcessId process, const msg::ObjectsReady& ready) {
  App& app = apps_[process];
  auto get = app.gets.find(ready.request());
  if (get == app.gets.end()) return Wrong("a get is answered twice");
  app.gets.erase(get);
  for (const msg::ObjectValue& value : ready.values()) Judge(process, value);
  if (app.running && app.running->waits_for == ready.request()) FinishRunning(process);
}

void ObjectLife::OnDelivered(ProcessId from, ProcessId to, const Message& message) {
  if (!verbose_) return;
  std::printf("%9.3f %s → %s: %s | %s\n", cluster_->now().seconds() * 1e3, cluster_->NameOf(from).c_str(),
              cluster_->NameOf(to).c_str(), describe_->Text(message).c_str(), message.DebugString().c_str());
}

void ObjectLife::OnLocal(ProcessId process, const Address& endpoint, bool to_endpoint, const Message& message) {
  if (verbose_ && endpoint != Address::Memory()) {
    std::printf("%9.3f %s %s %s: %s\n", cluster_->now().seconds() * 1e3, cluster_->NameOf(process).c_str(),
                to_endpoint ? "→" : "←", describe_->Of(endpoint).c_str(), message.DebugString().c_str());
  }
  if (!to_endpoint || endpoint != Address::Application()) return;
  if (message.kind() == MessageKind::kObjectsReady) OnReady(process, message.As<msg::ObjectsReady>());
}

void ObjectLife::OnPeerLost(ProcessId process, const Address& peer) {
  if (!verbose_) return;
  std::printf("%9.3f %s: connection to %s lost\n", cluster_->now().seconds() * 1e3, cluster_->NameOf(process).c_str(),
              describe_->Of(peer).c_str());
}

void ObjectLife::OnDied(ProcessId process, const std::string& reason) {
  if (verbose_) {
    std::printf("%9.3f %s %s\n", cluster_->now().seconds() * 1e3, cluster_->NameOf(process).c_str(), reason.c_str());
  }
  auto it = apps_.find(process);
  if (it == apps_.end()) return;
  tainted_.insert(it->second.ever.begin(), it->second.ever.end());
  if (reason == "exits" && faulty_ && !it->second.held.empty() && counts_.killed_nodes + counts_.killed_drivers == 0) {
    Wrong(cluster_->NameOf(process) + " left although it refers to objects");
  }
  apps_.erase(it);
}

void ObjectLife::OnTrace(ProcessId process, const TraceEvent& event) {
  counts_.rebuilt += event.kind == TraceKind::kObjectRebuilt;
  if (!verbose_ || event.kind == TraceKind::kTransition) return;
  std::printf("            %s trace %d %s %lld %s\n", cluster_->NameOf(process).c_str(), static_cast<int>(event.kind),
              ToString(event.task).c_str(), static_cast<long long>(event.c), std::string(event.text).c_str());
}

}  // namespace orrery::test
