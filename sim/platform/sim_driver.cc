#include "sim/platform/sim_driver.h"

#include <utility>

#include "runtime/core_worker/core_worker.h"
#include "runtime/messages/convert.h"
#include "runtime/messages/message.h"
#include "runtime/messages/orrery.pb.h"
#include "sim/workload/actor_message.h"

namespace orrery {

namespace {

constexpr uint64_t kWake = 0, kClose = 1;
// After it has let go of everything; what is still known after this time is a leak.
constexpr Duration kLetGo = Duration::Seconds(1);

}  // namespace

SimDriver::SimDriver(SimEngine& engine, DriverHost& host, RunRecorder& recorder, std::string name,
                     std::unique_ptr<WorkloadSource> source, const Settings& settings)
    : engine_(engine),
      host_(host),
      recorder_(recorder),
      name_(std::move(name)),
      source_(std::move(source)),
      settings_(settings) {}

void SimDriver::Begin() {
  began_ = engine_.Now();
  source_->Begin(*this);
  Settle();
}

void SimDriver::Close() {
  if (closed_ || !engine_.Alive(process_)) return;
  engine_.Deliver(process_, Address::Application(), Draft<msg::CloseDriver>());
}

void SimDriver::OnMessage(ProcessHandle, Message message) {
  switch (message.kind()) {
    case MessageKind::kDriverReady: {
      const auto& ready = message.As<msg::DriverReady>();
      if (ready.status() != 0) return OnProcessGone(process_);
      worker_ = WorkerId{ready.worker()};
      job_ = JobId{ready.job()};
      recorder_.DescribeJob(job_, name_);
      return host_.OnDriverReady();
    }
    case MessageKind::kTaskFinished:
      ++ended_;
      source_->OnTaskEnded(*this, message.As<msg::TaskFinished>().index() - 1);
      return Settle();
    case MessageKind::kGiveRooms: {
      const auto& given = message.As<msg::GiveRooms>();
      for (int64_t offset : given.offsets()) rooms_.Add({offset, given.size()});
      return;
    }
    case MessageKind::kReclaimRooms: return ReturnRooms();
    case MessageKind::kObjectAllocated: return OnAllocated(message);
    case MessageKind::kPlacementGroupReply: return OnGroupReply(message);
    case MessageKind::kDriverClosed:
      // As a program's end does: the process is gone, its connections close.
      closed_ = true;
      engine_.Kill(process_);
      return host_.OnDriverDone();
    default: return;
  }
}

void SimDriver::OnProcessGone(ProcessHandle) {
  if (closed_) return;
  closed_ = done_ = killed_ = true;
  host_.OnDriverDone();
}

void SimDriver::OnEvent(uint64_t a, uint64_t b) {
  if (closed_) return;
  if (a == kClose) {
    left_values_ = static_cast<const CoreWorker*>(engine_.Machine(process_))->store().size();
    return Close();
  }
  source_->OnWake(*this, b);
  Settle();
}

void SimDriver::Submit(PlannedTask task) {
  if (task.put) return Put(task);
  SchedulingRequest request{std::move(task.resources), std::move(task.strategy)};
  if (request.strategy.kind == SchedulingStrategy::Kind::kNodeAffinity) {
    request.strategy.affinity_node = host_.NodeOfIndex(request.strategy.affinity_node).value;
  }
  if (request.strategy.kind == SchedulingStrategy::Kind::kPlacementGroup)
    request.strategy.group = GroupOf(request.strategy.group.index);
  const TaskId id{worker_, task.number + 1};
  recorder_.DescribeTask({id, task.name, job_, request.resources.Get(ResourceKind::kCpu).value(),
                          request.resources.Get(ResourceKind::kGpu).value(), engine_.Now(), task.actor.has_value()});
  Draft<msg::SubmitTask> submit;
  msg::TaskSpec* spec = submit->mutable_spec();
  spec->set_owner(worker_.value);
  spec->set_index(id.index);
  spec->set_job(job_.value);
  spec->set_work_ns(task.work.ns);
  spec->set_memory_bytes(task.allocate_bytes);
  spec->set_num_returns(static_cast<uint32_t>(task.results.size()));
  if (source_->MakesObjects()) spec->mutable_return_bytes()->Add(task.results.begin(), task.results.end());
  for (const TaskInput& input : task.inputs) {
    msg::TaskArg* arg = spec->add_args();
    arg->set_object_owner(worker_.value);
    arg->set_object_task(input.number + 1);
    arg->set_object_index(input.position);
  }
  submit->set_max_retries(static_cast<int32_t>(task.max_retries < 0 ? settings_.task_max_retries : task.max_retries));
  submit->set_notify(true);
  ++submitted_;
  Message message = std::move(submit);
  Classify(task, request, message);
  engine_.Deliver(process_, Address::Application(), std::move(message));
}

void SimDriver::Classify(const PlannedTask& task, SchedulingRequest& request, Message& message) {
  auto& submit = message.As<msg::SubmitTask>();
  if (task.actor) return FillActor(task, request, *submit.mutable_spec()->mutable_actor());
  if (!task.callee) return submit.set_class_id(ClassOf(request));
  ToProto(ActorId{worker_, *task.callee + 1}, submit.mutable_spec()->mutable_callee());
  const ObjectReference handle{{{worker_, *task.callee + 1}, 0}, engine_.AddressOf(process_)};
  ToProto(handle, submit.mutable_handle());
}

void SimDriver::Put(const PlannedTask& put) {
  const int64_t bytes = put.results.front();
  allocating_.emplace(put.number, bytes);
  if (bytes <= settings_.inline_limit) return PutValue(put.number, 0);
  if (const auto room = rooms_.Take(bytes)) return PutValue(put.number, bytes, room->offset);
  Draft<msg::AllocateObject> allocate;
  allocate->set_request(put.number + 1);
  ToProto(ObjectId{{worker_, put.number + 1}, 0}, allocate->mutable_object());
  allocate->set_size(bytes);
  allocate->set_ahead(true);
  engine_.Deliver(process_, Address::Application(), std::move(allocate));
}

void SimDriver::OnAllocated(const Message& message) {
  const auto& allocated = message.As<msg::ObjectAllocated>();
  const uint64_t number = allocated.request() - 1;
  if (allocated.status() == 0) {
    PutValue(number, allocating_.at(number));
    return Settle();
  }
  // As an exception that nobody catches: the program ends.
  put_error_ = std::string(StatusCodeName(static_cast<StatusCode>(allocated.status()))) + ": " + allocated.message();
  done_ = true;
  Close();
}

void SimDriver::ReturnRooms() {
  const std::vector<int64_t> offsets = rooms_.TakeAll();
  if (offsets.empty()) return;
  Draft<msg::ReturnRooms> unused;
  unused->mutable_offsets()->Add(offsets.begin(), offsets.end());
  engine_.Deliver(process_, Address::Application(), std::move(unused));
}

// `size` 0: the value is small, and empty here.
void SimDriver::PutValue(uint64_t number, int64_t size, std::optional<int64_t> room) {
  allocating_.erase(number);
  Draft<msg::PutObject> put;
  ToProto(ObjectId{{worker_, number + 1}, 0}, put->mutable_object());
  put->set_size(size);
  put->set_in_room(room.has_value());
  put->set_offset(room.value_or(0));
  engine_.Deliver(process_, Address::Application(), std::move(put));
  source_->OnTaskEnded(*this, number);
}

// Request numbers of creations are those of the groups; of removals, which nobody waits for, they follow.
void SimDriver::CreateGroup(const PlannedGroup& group) {
  Draft<msg::CreatePlacementGroup> create;
  create->set_request(2 * group.number + 1);
  msg::PlacementGroupInfo& info = *create->mutable_group();
  ToProto(GroupOf(group.number), info.mutable_group());
  info.set_strategy(static_cast<uint32_t>(group.strategy));
  for (const ResourceSet& resources : group.bundles) {
    msg::BundleSpec* bundle = info.add_bundles();
    bundle->set_index(static_cast<uint32_t>(info.bundles_size() - 1));
    ToProto(SchedulingRequest{resources, {}}, bundle->mutable_spec());
  }
  engine_.Deliver(process_, Address::Application(), std::move(create));
}

void SimDriver::RemoveGroup(uint64_t number) {
  Draft<msg::RemovePlacementGroup> removal;
  removal->set_request(2 * number + 2);
  ToProto(GroupOf(number), removal->mutable_group());
  engine_.Deliver(process_, Address::Application(), std::move(removal));
}

void SimDriver::KillActor(uint64_t number) {
  Draft<msg::EndActor> end;
  ToProto(ActorId{worker_, number + 1}, end->mutable_actor());
  end->set_no_restart(true);
  engine_.Deliver(process_, Address::Application(), std::move(end));
}

void SimDriver::OnGroupReply(const Message& message) {
  const uint64_t request = message.As<msg::PlacementGroupReply>().request();
  if (request % 2 == 0 || closed_) return;
  source_->OnGroupMade(*this, (request - 1) / 2);
  Settle();
}

void SimDriver::WakeAt(Duration when, uint64_t id) {
  const Time at = began_ + when;
  engine_.At(at < engine_.Now() ? engine_.Now() : at, this, kWake, id);
}

uint32_t SimDriver::ClassOf(const SchedulingRequest& request) {
  const auto [it, inserted] = classes_.emplace(request, static_cast<uint32_t>(classes_.size() + 1));
  if (inserted) {
    Draft<msg::DefineClass> define;
    define->set_class_id(it->second);
    ToProto(request, define->mutable_spec());
    engine_.Deliver(process_, Address::Application(), std::move(define));
  }
  return it->second;
}

void SimDriver::Settle() {
  if (!released_.empty() && !closed_) {
    Draft<msg::ReleaseObjects> release;
    for (const ObjectId& id : released_) ToProto(id, release->add_objects());
    released_.clear();
    engine_.Deliver(process_, Address::Application(), std::move(release));
  }
  if (done_ || !source_->Exhausted() || ended_ != submitted_) return;
  done_ = true;
  if (!source_->MakesObjects()) return Close();
  engine_.At(engine_.Now() + kLetGo, this, kClose);
}

}  // namespace orrery
