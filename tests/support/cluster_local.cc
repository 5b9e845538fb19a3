// The inside of a machine: the host that starts and ends processes, the executor that runs tasks, the application.
#include <algorithm>

#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"
#include "tests/support/cluster.h"
#include "tests/support/process_env.h"

namespace orrery::test {

void Cluster::SendLocal(ProcessId from, const Address& to, Message message) {
  observer_->OnLocal(from, to, true, message);
  if (to == Address::Host()) return ToHost(from, std::move(message));
  if (to == Address::Executor()) return ToExecutor(from, std::move(message));
  if (to == Address::Memory()) return ToMemory(from, std::move(message));
  if (to == Address::Storage()) return ToStorage(from, std::move(message));
  ToApplication(from, std::move(message));
}

void Cluster::DeliverLocal(ProcessId process, const Address& from, Message message, Duration delay) {
  Event event;
  event.type = Event::Type::kLocal;
  event.target = process;
  event.address = from;
  event.message = ThroughCodec(std::move(message));
  Schedule(now_ + delay, std::move(event));
}

// ---- host -----------------------------------------------------------------------------------------------------------

// Runs within a handler of the process: it must not end it here, so ends are events.
void Cluster::ToHost(ProcessId from, Message message) {
  Event event;
  event.type = Event::Type::kSpawn;
  event.target = from;
  const bool start = message.kind() == MessageKind::kStartProcess;
  if (start) starting_[{from, message.As<msg::StartProcess>().worker()}] = true;
  event.message = std::move(message);
  Schedule(now_ + (start ? Between(options_.startup_min, options_.startup_max) : Duration{}), std::move(event));
}

void Cluster::TellExited(ProcessId node_manager, WorkerId worker, int code, int signal) {
  if (!Alive(node_manager)) return;
  Draft<msg::ProcessExited> exited;
  exited->set_worker(worker.value);
  exited->set_exit_code(code);
  exited->set_signal(signal);
  DeliverLocal(node_manager, Address::Host(), std::move(exited), Between(options_.latency_min, options_.latency_max));
}

// What the host does with StartProcess, KillProcess and Exit.
void Cluster::Spawn(Event event) {
  const ProcessId from = event.target;
  if (!Alive(from)) return;
  if (event.message.kind() == MessageKind::kExit) {
    const Process& process = *processes_[from];
    const int code = event.message.As<msg::Exit>().code();
    const WorkerId worker = process.worker;
    const ProcessId parent = process.parent;
    const bool child = process.kind == ProcessKind::kWorker;
    Kill(from, 0);
    if (child) TellExited(parent, worker, code, 0);
    return;
  }
  if (event.message.kind() == MessageKind::kKillProcess) {
    const auto& kill = event.message.As<msg::KillProcess>();
    if (starting_.erase({from, kill.worker()}) != 0)
      return TellExited(from, WorkerId{kill.worker()}, 0, kill.force() ? 9 : 15);
    const ProcessId victim = FindWorker(WorkerId{kill.worker()});
    if (victim != kNoProcess && (kill.force() || !processes_[victim]->deaf)) Kill(victim, kill.force() ? 9 : 15);
    return;
  }
  const WorkerId worker{event.message.As<msg::StartProcess>().worker()};
  if (starting_.erase({from, worker.value}) == 0) return;  // killed before it was there
  const StartMode mode = start_mode_[processes_[from]->name];
  if (mode == StartMode::kFails) return TellExited(from, worker, 127, 0);
  const ProcessId id = AddProcess(processes_[from]->name + ".w" + std::to_string(worker.index()), ProcessKind::kWorker,
                                  processes_[from]->host);
  Process& process = *processes_[id];
  process.worker = worker;
  process.parent = from;
  process.client = mode == StartMode::kHangs;
  observer_->OnSpawned(id);
  Draft<msg::ProcessStarted> started;
  started->set_worker(worker.value);
  started->set_pid(1000 + id);
  DeliverLocal(from, Address::Host(), std::move(started));
  if (mode == StartMode::kHangs) return;
  CoreWorkerOptions options;
  options.self = process.address;
  options.node_manager = processes_[from]->address;
  options.worker = worker;
  options.pid = 1000 + id;
  process.machine = std::make_unique<CoreWorker>(*process.env, options_.settings, std::move(options));
}

// ---- executor -------------------------------------------------------------------------------------------------------

void Cluster::ToExecutor(ProcessId from, Message message) {
  Process& process = *processes_[from];
  if (message.kind() == MessageKind::kInterruptTask) {
    const auto& interrupt = message.As<msg::InterruptTask>();
    const TaskId task{{interrupt.owner()}, interrupt.index()};
    return FinishTask(from, StatusCode::kCancelled, "interrupted", task);
  }
  const auto& task = message.As<msg::ExecuteTask>();
  for (const Running& other : process.running) ORRERY_ASSERT(other.execution != task.execution());
  process.running.push_back(
      {{{task.spec().owner()}, task.spec().index()}, task.spec().num_returns(), task.execution(), now_, ++sequence_});
  const uint64_t generation = sequence_;
  if (observer_->OnExecute(from, task) || task.spec().work_ns() < 0) return;
  Event end;
  end.type = Event::Type::kTaskEnd;
  end.target = from;
  end.id = generation;
  Schedule(now_ + Duration{task.spec().work_ns()}, std::move(end));
}

void Cluster::FinishTask(ProcessId worker, StatusCode status, const std::string& error, TaskId task) {
  EndTask(worker, task, status, error, false);
}

void Cluster::ExitActor(ProcessId worker, TaskId task) {
  EndTask(worker, task, StatusCode::kActorDied, "the actor has exited by itself", true);
}

Cluster::Running Cluster::TakeRunning(ProcessId worker, TaskId task) {
  std::vector<Running>& all = processes_[worker]->running;
  const auto it = std::find_if(all.begin(), all.end(), [&](const Running& r) { return !task || r.task == task; });
  if (it == all.end()) return {};
  const Running running = *it;
  all.erase(it);
  return running;
}

void Cluster::YieldItem(ProcessId worker, TaskId task, int64_t size) {
  for (Running& running : processes_[worker]->running) {
    if (running.task != task) continue;
    Draft<msg::YieldItem> item;
    item->set_item(++running.items);
    item->set_request(running.items);
    item->set_owner(task.owner.value);
    item->set_index(task.index);
    item->set_execution(running.execution);
    item->set_size(size);
    if (size == 0) item->set_value("item");
    FromApplication(worker, std::move(item));
  }
}

void Cluster::EndTask(ProcessId worker, TaskId task, StatusCode status, const std::string& error, bool exit_actor) {
  const Running running = TakeRunning(worker, task);
  if (!running.task) return;
  Draft<msg::TaskExecuted> result;
  result->set_owner(running.task.owner.value);
  result->set_index(running.task.index);
  result->set_execution(running.execution);
  result->set_status(static_cast<uint32_t>(status));
  result->set_error(error);
  result->set_exit_actor(exit_actor);
  result->set_start_ns(running.start.ns);
  result->set_finish_ns(now_.ns);
  if (status == StatusCode::kOk) {
    for (uint32_t i = 0; i < running.num_returns; ++i) result->add_returns("value");
  }
  DeliverLocal(worker, Address::Executor(), std::move(result));
}

void Cluster::FinishTaskWith(ProcessId worker, Message executed) {
  auto& result = executed.As<msg::TaskExecuted>();
  const Running running = TakeRunning(worker, {WorkerId{result.owner()}, result.index()});
  if (!running.task) return;
  result.set_execution(running.execution);
  result.set_start_ns(running.start.ns);
  result.set_finish_ns(now_.ns);
  DeliverLocal(worker, Address::Executor(), std::move(executed));
}

std::optional<TaskId> Cluster::RunningOn(ProcessId worker) const {
  const auto& running = processes_[worker]->running;
  return running.empty() ? std::nullopt : std::optional<TaskId>(running.front().task);
}

ProcessId Cluster::WorkerRunning(TaskId task) const {
  for (const auto& process : processes_) {
    for (const Running& running : process->running) {
      if (running.task == task) return process->id;
    }
  }
  return kNoProcess;
}

// ---- storage --------------------------------------------------------------------------------------------------------

void Cluster::ToStorage(ProcessId from, Message message) {
  Event event;
  event.type = Event::Type::kStorage;
  event.target = from;
  event.message = std::move(message);
  Schedule(now_ + Between(options_.latency_min, options_.latency_max), std::move(event));
}

// A GCS that is killed before this has not stored the batch; one that is killed after it has, and may not know.
void Cluster::Store(ProcessId gcs, const msg::StoreState& batch) {
  for (const msg::StateChange& change : batch.changes()) {
    const std::pair<uint32_t, std::string> key(change.table(), change.key());
    if (change.erased())
      stored_.erase(key);
    else
      stored_[key] = change.value();
  }
  Draft<msg::StateStored> stored;
  stored->set_batch(batch.batch());
  DeliverLocal(gcs, Address::Storage(), std::move(stored), Between(options_.latency_min, options_.latency_max));
}

// ---- object memory --------------------------------------------------------------------------------------------------

void Cluster::ToMemory(ProcessId from, Message message) {
  if (processes_[from]->memory_held) return processes_[from]->memory_orders.push_back(std::move(message));
  Event event;
  event.type = Event::Type::kMemory;
  event.target = from;
  event.message = std::move(message);
  Schedule(now_ + Between(options_.latency_min, options_.latency_max), std::move(event));
}

// The bytes of another node are read when the order is obeyed, not when it was given.
void Cluster::ObeyMemory(ProcessId node_manager, Message order) {
  const TestMemory* remote = nullptr;
  if (order.kind() == MessageKind::kFetchChunk) {
    const auto& address = order.As<msg::FetchChunk>().memory();
    const ProcessId other = FindAddress({address.endpoint(), address.incarnation()});
    const bool reached = other != kNoProcess && Alive(other) && !HeldLink(other, node_manager);
    if (reached) remote = processes_[other]->memory.get();
  }
  Message answer = processes_[node_manager]->memory->Obey(order, remote);
  if (answer) DeliverLocal(node_manager, Address::Memory(), std::move(answer));
}

void Cluster::CompleteMemory(const std::string& node, size_t count) {
  const ProcessId id = Find(node);
  auto& orders = processes_[id]->memory_orders;
  for (; count > 0 && !orders.empty(); --count) {
    Message order = std::move(orders.front());
    orders.pop_front();
    ObeyMemory(id, std::move(order));
  }
}

void Cluster::ReleaseMemory(const std::string& node) {
  processes_[Find(node)]->memory_held = false;
  CompleteMemory(node);
}

void Cluster::UseMemory(ProcessId id, const Message& message, bool sent) {
  Process& client = *processes_[id];
  if (client.parent == kNoProcess) return;
  TestMemory& memory = *processes_[client.parent]->memory;
  const auto check = [&](ObjectId object, const std::pair<int64_t, int64_t>& where) {
    ORRERY_ASSERT_MSG(memory.Holds(where.first, where.second, object), "a client maps other bytes than its object's");
  };
  if (sent && message.kind() == MessageKind::kCreateObject) {
    const auto& create = message.As<msg::CreateObject>();
    client.creating[FromProto(create.object()).id].second = create.size();
  } else if (!sent && message.kind() == MessageKind::kObjectCreated) {
    const auto& created = message.As<msg::ObjectCreated>();
    client.creating[FromProto(created.object()).id].first = created.offset();
  } else if (sent && message.kind() == MessageKind::kSealObject) {
    const ObjectId object = FromProto(message.As<msg::SealObject>().object()).id;
    const auto it = client.creating.find(object);
    ORRERY_ASSERT_MSG(it != client.creating.end() && it->second.second > 0, "seals what it has not created");
    memory.Write(it->second.first, it->second.second, object);
    client.creating.erase(it);
  } else if (!sent && message.kind() == MessageKind::kObjectLocal) {
    const auto& local = message.As<msg::ObjectLocal>();
    if (local.status() != 0 || client.released.count(local.pin()) != 0) return;
    const ObjectId object = FromProto(local.object()).id;
    client.mapped[object] = {local.offset(), local.size()};
    check(object, client.mapped[object]);
  } else if (sent && message.kind() == MessageKind::kReleaseLocal) {
    const auto& release = message.As<msg::ReleaseLocal>();
    if (release.pin() != 0) client.released.insert(release.pin());
    const auto it = client.mapped.find(FromProto(release.object()).id);
    if (it == client.mapped.end()) return;
    check(it->first, it->second);
    client.mapped.erase(it);
  }
}

// ---- application ----------------------------------------------------------------------------------------------------

void Cluster::ToApplication(ProcessId from, Message message) {
  if (message.kind() == MessageKind::kDriverReady)
    processes_[from]->ready = message.As<msg::DriverReady>().status() == 0;
}

void Cluster::FromApplication(ProcessId process, Message message) {
  DeliverLocal(process, Address::Application(), std::move(message));
}

ObjectId Cluster::Submit(ProcessId id, const TaskPlan& plan) {
  Process& process = *processes_[id];
  const CoreWorker* worker = core(id);
  ORRERY_ASSERT_MSG(worker != nullptr && worker->id(), "only a registered process submits");
  const auto [klass, added] = process.classes.emplace(plan.request, static_cast<uint32_t>(process.classes.size() + 1));
  if (added) {
    Draft<msg::DefineClass> define;
    define->set_class_id(klass->second);
    ToProto(plan.request, define->mutable_spec());
    FromApplication(id, std::move(define));
  }
  const TaskId task{worker->id(), ++process.last_task};
  Draft<msg::SubmitTask> submit;
  msg::TaskSpec* spec = submit->mutable_spec();
  spec->set_owner(task.owner.value);
  spec->set_index(task.index);
  spec->set_name(plan.name);
  spec->set_work_ns(plan.work.ns);
  spec->set_num_returns(plan.num_returns);
  spec->set_streaming(plan.streaming);
  spec->set_max_unconsumed(plan.max_unconsumed);
  spec->set_function(plan.function);
  for (const ObjectId& object : plan.args) {
    msg::TaskArg* arg = spec->add_args();
    arg->set_object_owner(object.task.owner.value);
    arg->set_object_task(object.task.index);
    arg->set_object_index(object.index);
  }
  if (plan.actor) {
    msg::ActorSpec* actor = spec->mutable_actor();
    actor->set_name(plan.actor->name);
    actor->set_name_space(plan.actor->name_space);
    actor->set_get_if_exists(plan.actor->get_if_exists);
    actor->set_detached(plan.actor->detached);
    actor->set_free_cpu(plan.actor->free_cpu);
    actor->set_max_restarts(plan.actor->max_restarts);
    actor->set_class_tag(plan.actor->class_tag);
    actor->set_max_concurrency(plan.actor->max_concurrency);
    for (const auto& [name, limit] : plan.actor->concurrency_groups) {
      msg::ConcurrencyGroup* group = actor->add_concurrency_groups();
      group->set_name(name);
      group->set_max_concurrency(limit);
    }
    actor->set_out_of_order(plan.actor->out_of_order);
    actor->set_class_name(plan.name);
    ToProto(plan.request, actor->mutable_placement());
    submit->set_request(plan.actor->name.empty() ? 0 : ++process.last_request);
  }
  if (plan.callee) {
    ToProto(plan.callee, spec->mutable_callee());
    submit->set_max_pending_calls(plan.max_pending_calls);
    submit->set_out_of_order(plan.out_of_order);
    spec->set_concurrency_group(plan.concurrency_group);
    const ProcessId owner = FindWorker(plan.callee.owner);
    const ObjectId handle{{plan.callee.owner, plan.callee.index}, 0};
    if (!plan.weak && owner != kNoProcess) ToProto(ObjectReference{handle, AddressOf(owner)}, submit->mutable_handle());
  }
  submit->set_class_id(klass->second);
  submit->set_max_retries(plan.retries);
  submit->set_retry_exceptions(plan.retry_exceptions);
  submit->set_notify(true);
  submit->set_parent(plan.parent.index);
  submit->set_parent_owner(plan.parent.owner.value);
  FromApplication(id, std::move(submit));
  return {task, 0};
}

ObjectId Cluster::Put(ProcessId id, std::string value) {
  const ObjectId object{{core(id)->id(), ++processes_[id]->last_task}, 0};
  Draft<msg::PutObject> put;
  ToProto(object, put->mutable_object());
  put->set_value(std::move(value));
  FromApplication(id, std::move(put));
  return object;
}

uint64_t Cluster::Get(ProcessId id, const std::vector<ObjectId>& objects, Duration timeout, bool from_task) {
  Draft<msg::GetObjects> get;
  get->set_request(++processes_[id]->last_request);
  for (const ObjectId& object : objects) ToProto(object, get->add_objects());
  get->set_timeout_ns(timeout.ns);
  if (from_task) get->set_from_task(processes_[id]->running.empty() ? 1 : processes_[id]->running.front().execution);
  FromApplication(id, std::move(get));
  return processes_[id]->last_request;
}

void Cluster::CancelTask(ProcessId id, TaskId task, bool force, bool recursive) {
  Draft<msg::CancelTask> cancel;
  cancel->set_index(task.index);
  cancel->set_force(force);
  cancel->set_recursive(recursive);
  FromApplication(id, std::move(cancel));
}

void Cluster::CloseDriver(ProcessId id) { FromApplication(id, Draft<msg::CloseDriver>()); }

}  // namespace orrery::test
