#include "tests/interaction/story.h"

#include <stdexcept>

#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"
#include "tests/interaction/script.h"

namespace orrery::test {

namespace {

[[noreturn]] void Bad(const std::string& what) { throw std::runtime_error(what); }

// What every story needs and few are about.
const std::vector<const char*> kBoilerplate = {
    "StoreState",          "StateStored",      "RegisterNode",        "RegisterNodeReply",
    "HealthCheck",         "HealthCheckReply", "ResourceReport",      "RegisterDriver",
    "RegisterJob",         "RegisterJobReply", "RegisterDriverReply", "DriverReady",
    "StartProcess",        "ProcessStarted",   "RegisterWorker",      "DefineClass",
    "RegisterWorkerReply", "ReturnLeaseReply", "SubmitTask",          "TaskExecuted",
    "GetObjects",          "PutObject",        "CancelTask",          "GetJob",
    "GetJobReply",         "ReleaseObjects",   "CloseDriver",         "YieldItem",
    "ConsumeItems"};

}  // namespace

Story::Story() {
  commands_ = {{"mute", &Story::Mute},
               {"unmute", &Story::Unmute},
               {"set", &Story::Set},
               {"start", &Story::Start},
               {"start-mode", &Story::StartMode},
               {"submit", &Story::Submit},
               {"spawn", &Story::Spawn},
               {"call", &Story::Call},
               {"kill-actor", &Story::KillActor},
               {"find-actor", &Story::FindActor},
               {"yield", &Story::Yield},
               {"take", &Story::Take},
               {"group", &Story::Group},
               {"await-group", &Story::AwaitGroup},
               {"remove-group", &Story::RemoveGroup},
               {"find-group", &Story::FindGroup},
               {"put", &Story::Put},
               {"get", &Story::Get},
               {"drop", &Story::Drop},
               {"cancel", &Story::Cancel},
               {"finish", &Story::Finish},
               {"fail", &Story::Fail},
               {"exit-actor", &Story::ExitActor},
               {"close", &Story::Close},
               {"shutdown", &Story::Shutdown},
               {"deliver", &Story::Deliver},
               {"run", &Story::RunFor},
               {"kill", &Story::Kill},
               {"kill-machine", &Story::KillMachine},
               {"deaf", &Story::Deaf},
               {"drop-connection", &Story::DropConnection},
               {"hold", &Story::Hold},
               {"release", &Story::Release},
               {"isolate", &Story::Isolate},
               {"rejoin", &Story::Rejoin},
               {"resend", &Story::Resend},
               {"kv", &Story::KeyValue},
               {"status", &Story::ShowStatus}};
}

std::string Story::Run(const std::string& command) {
  output_.clear();
  Arguments words = Words(command);
  auto it = commands_.find(words.at(0));
  if (it == commands_.end()) Bad("unknown command " + words[0]);
  words.erase(words.begin());
  (this->*it->second)(words);
  return output_.empty() ? "ok\n" : output_;
}

Cluster& Story::cluster() {
  if (cluster_ == nullptr) {
    cluster_ = std::make_unique<Cluster>(options_, this);
    describe_ = std::make_unique<Describer>(*cluster_);
  }
  return *cluster_;
}

void Story::Print(const std::string& line) {
  if (cluster_ != nullptr && cluster_->now() != printed_) {
    printed_ = cluster_->now();
    output_ += "@" + ToString(Duration{printed_.ns}) + "\n";
  }
  output_ += line + "\n";
}

// ---- what happens ---------------------------------------------------------------------------------------------------

void Story::OnDelivered(ProcessId from, ProcessId to, const Message& message) {
  last_[{from, to}][message.kind()] = message.Clone();
  if (Muted(message.kind())) return;
  Print(cluster_->NameOf(from) + " → " + cluster_->NameOf(to) + ": " + describe_->Text(message));
}

void Story::OnLocal(ProcessId process, const Address& endpoint, bool to_endpoint, const Message& message) {
  if (Muted(message.kind())) return;
  const std::string self = cluster_->NameOf(process);
  const std::string other = describe_->Of(endpoint);
  const CoreWorker* core = cluster_->core(process);
  const std::string text = describe_->Text(message, core == nullptr ? WorkerId{} : core->id());
  Print((to_endpoint ? self : other) + " → " + (to_endpoint ? other : self) + ": " + text);
}

void Story::OnPeerLost(ProcessId process, const Address& peer) {
  Print(cluster_->NameOf(process) + ": connection to " + describe_->Of(peer) + " lost");
}

void Story::OnSpawned(ProcessId process) {
  if (!Muted(MessageKind::kStartProcess)) Print(cluster_->NameOf(process) + " starts");
}

void Story::OnDied(ProcessId process, const std::string& reason) { Print(cluster_->NameOf(process) + " " + reason); }

void Story::OnTrace(ProcessId process, const TraceEvent& event) {
  const std::string who = "  " + cluster_->NameOf(process) + ": ";
  const std::string text(event.text);
  switch (event.kind) {
    case TraceKind::kNodeDead: return Print(who + describe_->Of(event.node) + " is dead (" + text + ")");
    case TraceKind::kStaleMessage: return Print(who + "stale " + text);
    case TraceKind::kInfeasible: return Print(who + "no node can ever hold " + text);
    case TraceKind::kTaskRetried: return Print(who + describe_->Of(event.task) + " is retried (" + text + ")");
    case TraceKind::kJobFinished: return Print(who + "job-" + std::to_string(event.a) + " ends");
    default: return;
  }
}

// ---- commands -------------------------------------------------------------------------------------------------------

ProcessId Story::Process(const std::string& name) {
  const ProcessId gcs = cluster().Find("gcs");
  const bool knows_actors = gcs != kNoProcess && cluster().Alive(gcs);
  if (auto it = actors_.find(name); it != actors_.end() && knows_actors) {
    const auto& known = cluster().gcs(gcs)->actors().all();
    const auto actor = known.find(it->second);
    const ProcessId worker = actor == known.end() ? kNoProcess : cluster().FindWorker(actor->second.worker);
    if (worker == kNoProcess) Bad(name + " has no process");
    return worker;
  }
  if (auto it = tasks_.find(name); it != tasks_.end()) {
    const ProcessId worker = cluster().WorkerRunning(it->second);
    if (worker == kNoProcess) Bad(name + " is not running");
    return worker;
  }
  const ProcessId process = cluster().Find(name);
  if (process == kNoProcess) Bad("no process or task named " + name);
  return process;
}

TaskId Story::Task(const std::string& name) const {
  auto it = tasks_.find(name);
  if (it == tasks_.end()) Bad("no task named " + name);
  return it->second;
}

std::vector<ObjectId> Story::Objects(const std::string& names) const {
  std::vector<ObjectId> objects;
  for (size_t at = 0; at <= names.size();) {
    const size_t end = std::min(names.find(',', at), names.size());
    const std::string name = names.substr(at, end - at);
    const size_t item = name.find('#');
    const auto index = item == std::string::npos ? 0 : std::stoul(name.substr(item + 1));
    objects.push_back({Task(name.substr(0, item)), static_cast<uint32_t>(index)});
    at = end + 1;
  }
  return objects;
}

void Story::Mute(const Arguments& words) {
  for (const std::string& word : words) {
    if (word == "boilerplate") {
      for (const char* name : kBoilerplate) muted_.insert(KindByName(name));
      continue;
    }
    const MessageKind kind = KindByName(word);
    if (kind == MessageKind::kNone) Bad("unknown message " + word);
    muted_.insert(kind);
  }
}

void Story::Unmute(const Arguments& words) {
  for (const std::string& word : words) {
    if (muted_.erase(KindByName(word)) == 0) Bad(word + " is not muted");
  }
}

void Story::Set(const Arguments& words) {
  if (cluster_ != nullptr) Bad("settings come before the first process");
  for (const std::string& word : words) {
    const size_t equals = word.find('=');
    const Status status = SetSetting(options_.settings, word.substr(0, equals), word.substr(equals + 1));
    if (!status.ok()) Bad(status.message());
  }
}

void Story::Start(const Arguments& words) {
  const std::string& what = words.at(0);
  if (what == "gcs") {
    if (words.size() > 1 && words[1] == "durable") options_.durable_gcs = true;
    cluster().StartGcs();
  } else if (what == "node") {
    ResourceSet total;
    Labels labels;
    for (size_t i = 2; i < words.size(); ++i) {
      const size_t equals = words[i].find('=');
      const std::string key = words[i].substr(0, equals), value = words[i].substr(equals + 1);
      if (key.starts_with("label:"))
        labels[key.substr(6)] = value;
      else if (key == "CPU")
        total.Set(ResourceKind::kCpu, FixedPoint::FromDouble(std::stod(value)));
      else if (key == "GPU")
        total.Set(ResourceKind::kGpu, FixedPoint::FromDouble(std::stod(value)));
      else if (key == "store")
        total.Set(ResourceKind::kObjectStoreMemory, FixedPoint::FromDouble(std::stod(value)));
      else
        total.Set(key, FixedPoint::FromDouble(std::stod(value)));
    }
    cluster().StartNode(words.at(1), total, labels);
  } else if (what == "driver") {
    if (words.at(2) != "on") Bad("start driver NAME on NODE [priority=N] [weight=N]");
    JobTerms terms;
    for (size_t i = 4; i < words.size(); ++i) {
      const double value = std::stod(words[i].substr(words[i].find('=') + 1));
      if (words[i].starts_with("priority=")) terms.priority = static_cast<int32_t>(value);
      if (words[i].starts_with("weight=")) terms.weight = FixedPoint::FromDouble(value);
    }
    cluster().StartDriver(words.at(1), words.at(3), terms);
  } else if (what == "client") {
    cluster().StartClient(words.at(1));
  } else {
    Bad("start gcs|node|driver|client");
  }
  Deliver({});
}

void Story::StartMode(const Arguments& words) {
  const std::map<std::string, Cluster::StartMode> modes = {{"normal", Cluster::StartMode::kNormal},
                                                           {"fails", Cluster::StartMode::kFails},
                                                           {"hangs", Cluster::StartMode::kHangs}};
  cluster().SetStartMode(words.at(0), modes.at(words.at(1)));
}

void Story::ReadStrategy(const std::string& key, const std::string& value, SchedulingStrategy& strategy) {
  if (key == "spread")
    strategy.kind = SchedulingStrategy::Kind::kSpread;
  else if (key == "soft")
    strategy.soft = true;
  else if (key == "affinity") {
    strategy.kind = SchedulingStrategy::Kind::kNodeAffinity;
    // The last node of that name, dead or alive.
    for (const auto& [id, node] : cluster().gcs(Process("gcs"))->nodes().all()) {
      if (node.name == value) strategy.affinity_node = id.value;
    }
  } else if (key == "group") {
    const size_t colon = value.find(':');
    strategy.kind = SchedulingStrategy::Kind::kPlacementGroup;
    strategy.group = groups_.at(value.substr(0, colon));
    if (colon != std::string::npos) strategy.bundle = std::stoi(value.substr(colon + 1));
  } else if (key.starts_with("or-label:")) {
    strategy.fallbacks.push_back({{key.substr(9), LabelExpression::Op::kIn, {value}}});
  } else if (key.starts_with("label:")) {
    strategy.hard_labels.push_back({key.substr(6), LabelExpression::Op::kIn, {value}});
  } else {
    Bad("unknown option " + key);
  }
}

void Story::Submit(const Arguments& words) {
  const ProcessId process = Process(words.at(0));
  TaskPlan plan;
  plan.name = words.at(1);
  plan.work = Duration{-1};
  int count = 1;
  if (auto parent = tasks_.find(words[0]); parent != tasks_.end()) plan.parent = parent->second;
  for (size_t i = 2; i < words.size(); ++i) {
    const size_t equals = words[i].find('=');
    const std::string key = words[i].substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : words[i].substr(equals + 1);
    if (key == "work")
      plan.work = ParseDuration(value).value();
    else if (key == "cpus")
      plan.request.resources.Set(ResourceKind::kCpu, FixedPoint::FromDouble(std::stod(value)));
    else if (key == "gpus")
      plan.request.resources.Set(ResourceKind::kGpu, FixedPoint::FromDouble(std::stod(value)));
    else if (key == "retries")
      plan.retries = std::stoi(value);
    else if (key == "retry-exceptions")
      plan.retry_exceptions = true;
    else if (key == "args")
      plan.args = Objects(value);
    else if (key == "count")
      count = std::stoi(value);
    else if (key == "stream")
      plan.streaming = true;
    else if (key == "unconsumed")
      plan.max_unconsumed = static_cast<uint32_t>(std::stoul(value));
    else
      ReadStrategy(key, value, plan.request.strategy);
  }
  SubmitPlan(process, plan, count);
}

void Story::SubmitPlan(ProcessId process, TaskPlan plan, int count) {
  const std::string name = plan.name;
  for (int i = 1; i <= count; ++i) {
    if (count > 1) plan.name = name + std::to_string(i);
    const TaskId task = cluster().Submit(process, plan).task;
    tasks_[plan.name] = task;
    describe_->NameTask(task, plan.name);
  }
}

void Story::Spawn(const Arguments& words) {
  TaskPlan plan;
  plan.name = words.at(1);
  plan.retries = 0;
  plan.actor.emplace();
  for (size_t i = 2; i < words.size(); ++i) {
    const size_t equals = words[i].find('=');
    const std::string key = words[i].substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : words[i].substr(equals + 1);
    if (key == "work")
      plan.work = value == "held" ? Duration{-1} : ParseDuration(value).value();
    else if (key == "cpus")
      plan.request.resources.Set(ResourceKind::kCpu, FixedPoint::FromDouble(std::stod(value)));
    else if (key == "restarts")
      plan.actor->max_restarts = std::stoi(value);
    else if (key == "named")
      plan.actor->name = value;
    else if (key == "namespace")
      plan.actor->name_space = value;
    else if (key == "class")
      plan.actor->class_tag = std::stoul(value);
    else if (key == "get-if-exists")
      plan.actor->get_if_exists = true;
    else if (key == "detached")
      plan.actor->detached = true;
    else if (key == "free-cpu")
      plan.actor->free_cpu = true;
    else if (key == "concurrency")
      plan.actor->max_concurrency = static_cast<uint32_t>(std::stoul(value));
    else if (key.rfind("group:", 0) == 0)
      plan.actor->concurrency_groups[key.substr(6)] = static_cast<uint32_t>(std::stoul(value));
    else if (key == "out-of-order")
      plan.actor->out_of_order = true;
    else if (key == "args")
      plan.args = Objects(value);
    else
      ReadStrategy(key, value, plan.request.strategy);
  }
  SubmitPlan(Process(words.at(0)), plan, 1);
  const TaskId task = tasks_.at(plan.name);
  actors_[plan.name] = {task.owner, task.index};
}

void Story::Call(const Arguments& words) {
  TaskPlan plan;
  plan.callee = actors_.at(words.at(1));
  plan.name = words.at(2);
  plan.work = Duration{-1};
  plan.retries = 0;
  int count = 1;
  if (auto parent = tasks_.find(words[0]); parent != tasks_.end() && actors_.count(words[0]) == 0)
    plan.parent = parent->second;
  for (size_t i = 3; i < words.size(); ++i) {
    const size_t equals = words[i].find('=');
    const std::string key = words[i].substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : words[i].substr(equals + 1);
    if (key == "work")
      plan.work = ParseDuration(value).value();
    else if (key == "retries")
      plan.retries = std::stoi(value);
    else if (key == "retry-exceptions")
      plan.retry_exceptions = true;
    else if (key == "weak")
      plan.weak = true;
    else if (key == "pending")
      plan.max_pending_calls = std::stoi(value);
    else if (key == "group")
      plan.concurrency_group = value;
    else if (key == "out-of-order")
      plan.out_of_order = true;
    else if (key == "args")
      plan.args = Objects(value);
    else if (key == "count")
      count = std::stoi(value);
    else
      Bad("unknown option " + key);
  }
  SubmitPlan(Process(words.at(0)), plan, count);
}

void Story::KillActor(const Arguments& words) {
  Draft<msg::EndActor> end;
  ToProto(actors_.at(words.at(1)), end->mutable_actor());
  end->set_no_restart(words.size() < 3 || words[2] != "restart");
  cluster().FromApplication(Process(words.at(0)), std::move(end));
}

void Story::FindActor(const Arguments& words) {
  Draft<msg::GetActor> find;
  find->set_request(1'000'000);
  find->set_name(words.at(1));
  if (words.size() > 2) find->set_name_space(words[2]);
  cluster().FromApplication(Process(words.at(0)), std::move(find));
}

void Story::Put(const Arguments& words) {
  const size_t bytes = std::stoul(words.at(2).substr(words[2].find('=') + 1));
  const TaskId object = cluster().Put(Process(words.at(0)), std::string(bytes, 'x')).task;
  tasks_[words.at(1)] = object;
  describe_->NameTask(object, words[1]);
}

void Story::Get(const Arguments& words) {
  Duration timeout{-1};
  if (words.size() > 2) timeout = ParseDuration(words[2].substr(words[2].find('=') + 1)).value();
  cluster().Get(Process(words.at(0)), Objects(words.at(1)), timeout, tasks_.count(words[0]) != 0);
}

void Story::Drop(const Arguments& words) {
  Draft<msg::ReleaseObjects> release;
  for (const ObjectId& object : Objects(words.at(1))) ToProto(object, release->add_objects());
  cluster().FromApplication(Process(words.at(0)), std::move(release));
}

void Story::Yield(const Arguments& words) {
  const int64_t size = words.size() > 1 ? std::stol(words[1].substr(words[1].find('=') + 1)) : 0;
  cluster().YieldItem(Process(words.at(0)), Task(words[0]), size);
}

void Story::Take(const Arguments& words) {
  Draft<msg::ConsumeItems> notice;
  notice->set_index(Task(words.at(1)).index);
  notice->set_taken(static_cast<uint32_t>(std::stoul(words.at(2))));
  notice->set_drop(words.size() > 3 && words[3] == "drop");
  cluster().FromApplication(Process(words.at(0)), std::move(notice));
}

void Story::Cancel(const Arguments& words) {
  bool force = false, recursive = false;
  for (size_t i = 2; i < words.size(); ++i) {
    force |= words[i] == "force";
    recursive |= words[i] == "recursive";
  }
  cluster().CancelTask(Process(words.at(0)), Task(words.at(1)), force, recursive);
}

void Story::Finish(const Arguments& words) {
  for (const std::string& word : words) cluster().FinishTask(Process(word), StatusCode::kOk, "", Task(word));
}

void Story::Fail(const Arguments& words) {
  cluster().FinishTask(Process(words.at(0)), StatusCode::kApplicationError, words.at(1), Task(words.at(0)));
}

void Story::ExitActor(const Arguments& words) { cluster().ExitActor(Process(words.at(0)), Task(words.at(0))); }

void Story::Close(const Arguments& words) { cluster().CloseDriver(Process(words.at(0))); }

void Story::Shutdown(const Arguments& words) {
  Draft<msg::Shutdown> shutdown;
  shutdown->set_reason("asked to");
  cluster().SendFrom(Process(words.at(0)), Process(words.at(1)), std::move(shutdown));
}

// ---- time and faults ------------------------------------------------------------------------------------------------

void Story::Deliver(const Arguments& words) {
  if (words.empty()) return cluster().DeliverAll();
  for (int i = std::stoi(words[0]); i > 0 && cluster().DeliverOne(); --i) {
  }
}

void Story::RunFor(const Arguments& words) { cluster().Run(ParseDuration(words.at(0)).value()); }

void Story::Kill(const Arguments& words) { cluster().Kill(Process(words.at(0))); }

void Story::KillMachine(const Arguments& words) { cluster().KillMachine(words.at(0)); }

void Story::Deaf(const Arguments& words) { cluster().SetDeafToTerm(Process(words.at(0))); }

void Story::DropConnection(const Arguments& words) {
  cluster().DropConnection(Process(words.at(0)), Process(words.at(1)));
}

void Story::Hold(const Arguments& words) { cluster().Hold(Process(words.at(0)), Process(words.at(1))); }

void Story::Release(const Arguments& words) { cluster().Release(Process(words.at(0)), Process(words.at(1))); }

void Story::Isolate(const Arguments& words) { cluster().Isolate(words.at(0)); }

void Story::Rejoin(const Arguments& words) { cluster().Rejoin(words.at(0)); }

void Story::Resend(const Arguments& words) {
  const ProcessId from = Process(words.at(1)), to = Process(words.at(2));
  const Message& message = last_[{from, to}][KindByName(words.at(0))];
  if (!message) Bad("nothing to send again");
  cluster().Duplicate(from, to, message);
}

void Story::KeyValue(const Arguments& words) {
  const ProcessId client = Process(words.at(0)), gcs = Process("gcs");
  const std::string& verb = words.at(1);
  if (verb == "put") {
    Draft<msg::KvPut> put;
    put->set_space(words.at(2));
    put->set_key(words.at(3));
    put->set_value(words.at(4));
    put->set_overwrite(words.size() > 5);
    cluster().SendFrom(client, gcs, std::move(put));
  } else if (verb == "get") {
    Draft<msg::KvGet> get;
    get->set_space(words.at(2));
    get->set_key(words.at(3));
    cluster().SendFrom(client, gcs, std::move(get));
  } else if (verb == "delete") {
    Draft<msg::KvDelete> del;
    del->set_space(words.at(2));
    del->set_key(words.at(3));
    cluster().SendFrom(client, gcs, std::move(del));
  } else if (verb == "keys") {
    Draft<msg::KvKeys> keys;
    keys->set_space(words.at(2));
    if (words.size() > 3) keys->set_prefix(words[3]);
    cluster().SendFrom(client, gcs, std::move(keys));
  } else {
    Bad("kv CLIENT put|get|delete|keys");
  }
  Deliver({});
}

void Story::StatusOfGcs(const Gcs& gcs) {
  for (const auto& [id, info] : gcs.nodes().all()) {
    const NodeView* view = gcs.resources().view().Find(id);
    Print("gcs: " + info.name +
          (info.alive() ? " alive, free " + ToString(view->available) : " dead (" + info.death_reason + ")"));
  }
  for (const auto& demand : gcs.resources().PendingDemand()) {
    Print("gcs: " + std::to_string(demand.count) + " waiting for " + ToString(demand.request.resources) +
          (demand.infeasible ? ", infeasible" : ""));
  }
  for (const auto& [id, actor] : gcs.actors().all()) {
    std::string text =
        "gcs: " + describe_->Of(TaskId{id.owner, id.index}) + " " + std::string(ActorPhaseName(actor.phase));
    if (actor.worker) text += " in " + describe_->Of(actor.worker);
    if (actor.incarnation != 0) text += ", restarted " + std::to_string(actor.incarnation) + " times";
    if (actor.dead()) text += " (" + actor.death.message() + ")";
    Print(text);
  }
  StatusOfGroups(gcs);
  if (gcs.resources().assigned() != 0)
    Print("gcs: " + std::to_string(gcs.resources().assigned()) + " assigned, not seen yet");
}

void Story::ShowStatus(const Arguments&) {
  for (ProcessId id = 0; id < cluster().process_count(); ++id) {
    if (!cluster().Alive(id)) continue;
    const std::string& name = cluster().NameOf(id);
    if (const Gcs* gcs = cluster().gcs(id)) {
      StatusOfGcs(*gcs);
    } else if (const NodeManager* node = cluster().node(id)) {
      Print(name + ": " + std::to_string(node->leases().queued()) + " queued, " +
            std::to_string(node->leases().granted()) + " granted, " + std::to_string(node->workers().size()) +
            " workers, free " + ToString(node->leases().resources().available()));
    } else if (const CoreWorker* core = cluster().core(id);
               core != nullptr && cluster().KindOf(id) == ProcessKind::kDriver) {
      Print(name + ": " + std::to_string(core->tasks().size()) + " tasks, " +
            std::to_string(core->submitter().leases()) + " leases, " + std::to_string(core->store().size()) +
            " objects");
    }
  }
}

}  // namespace orrery::test
