#include "sim/replay/replay_driver.h"

#include <cstring>
#include <utility>

#include "runtime/api/errors.h"
#include "runtime/api/options.h"
#include "runtime/common/assert.h"
#include "runtime/messages/convert.h"
#include "runtime/messages/orrery.pb.h"
#include "sim/replay/work.h"
#include "sim/workload/actor_message.h"

namespace orrery {

// Passes the core worker's events to the recording, and the ends of tasks to the loop.
class ReplayDriver::Sink final : public TraceSink {
 public:
  Sink(ReplayContext& context, ReplayDriver& driver) : context_(context), driver_(driver) {}
  void OnTrace(Time time, const TraceEvent& event) override {
    context_.recording.OnTrace(time, event);
    if (event.kind != TraceKind::kTaskFinished) return;
    context_.loop.Post([this, number = event.task.index - 1] { driver_.OnTaskEnded(number); });
  }

 private:
  ReplayContext& context_;
  ReplayDriver& driver_;
};

ReplayDriver::ReplayDriver(ReplayContext& context, const SourceSpec& spec, std::unique_ptr<WorkloadSource> source)
    : context_(context),
      name_(spec.name),
      terms_(spec.terms),
      source_(std::move(source)),
      sink_(std::make_unique<Sink>(context, *this)) {}

ReplayDriver::~ReplayDriver() = default;

Status ReplayDriver::Connect(internal::DriverOptions options) {
  options.name = name_;
  options.terms = terms_;
  options.trace = sink_.get();
  Result<std::unique_ptr<internal::Driver>> driver = internal::Driver::Connect(std::move(options));
  if (!driver.ok()) return driver.status();
  driver_ = std::move(*driver);
  worker_ = driver_->client().identity().worker;
  context_.recording.DescribeJob(driver_->client().identity().job, name_);
  return Status::Ok();
}

void ReplayDriver::Begin() { source_->Begin(*this); }

void ReplayDriver::LetGo() {
  results_.clear();
  if (driver_ != nullptr) driver_->client().FlushReleased();
}

void ReplayDriver::Abandon() {
  if (abandoned_) return;
  abandoned_ = true;
  driver_->Abandon();
  driver_.reset();
}

void ReplayDriver::Close() {
  if (driver_ == nullptr) return;
  driver_->Close(0);
  driver_.reset();
}

void ReplayDriver::WakeAt(Duration when, uint64_t id) {
  context_.loop.At(context_.recording.begin() + when, [this, id] {
    if (!abandoned_) source_->OnWake(*this, id);
  });
}

void ReplayDriver::Submit(PlannedTask task) {
  if (task.put) return Put(task);
  internal::Client& client = driver_->client();
  const internal::Identity& self = client.identity();
  SchedulingRequest request{std::move(task.resources), std::move(task.strategy)};
  if (request.strategy.kind == SchedulingStrategy::Kind::kNodeAffinity) {
    request.strategy.affinity_node = context_.node_of_index(request.strategy.affinity_node).value;
  }
  if (request.strategy.kind == SchedulingStrategy::Kind::kPlacementGroup)
    request.strategy.group = groups_.at(request.strategy.group.index).id;
  const TaskId id{self.worker, task.number + 1};
  context_.recording.DescribeTask({id,
                                   task.name,
                                   self.job,
                                   request.resources.Get(ResourceKind::kCpu).value(),
                                   request.resources.Get(ResourceKind::kGpu).value(),
                                   {},
                                   task.actor.has_value()});
  Draft<msg::SubmitTask> submit;
  msg::TaskSpec* spec = submit->mutable_spec();
  spec->set_owner(self.worker.value);
  spec->set_index(id.index);
  spec->set_job(self.job.value);
  spec->set_function(context_.function);
  spec->set_name(task.name);
  spec->set_num_returns(static_cast<uint32_t>(task.results.size()));
  spec->add_args()->set_value(
      EncodeWork({task.work.ns, task.kind == TaskSpec::Work::kSpin, task.allocate_bytes, task.results}));
  for (const TaskInput& input : task.inputs) {
    msg::TaskArg* arg = spec->add_args();
    arg->set_object_owner(self.worker.value);
    arg->set_object_task(input.number + 1);
    arg->set_object_index(input.position);
  }
  submit->set_max_retries(static_cast<int32_t>(task.max_retries < 0 ? context_.default_retries : task.max_retries));
  ++submitted_;
  Message message = std::move(submit);
  const uint32_t class_id = Classify(task, request, message);
  ObjectRef result(client.Submit(std::move(message), id.index, class_id));
  if (!task.results.empty()) results_.emplace(std::pair{task.number, 0}, std::move(result));
  for (uint32_t i = 1; i < task.results.size(); ++i)
    results_.emplace(std::pair{task.number, i}, ObjectRef(internal::NewObjectState({id, i}, &client)));
}

uint32_t ReplayDriver::Classify(const PlannedTask& task, SchedulingRequest& request, Message& message) {
  auto& submit = message.As<msg::SubmitTask>();
  if (task.actor) {
    FillActor(task, request, *submit.mutable_spec()->mutable_actor());
    return 0;
  }
  if (task.callee) {
    ToProto(ActorId{worker_, *task.callee + 1}, submit.mutable_spec()->mutable_callee());
    const ObjectRef& handle = results_.at({*task.callee, 0});
    ToProto(driver_->client().ReferenceOf(handle), submit.mutable_handle());
    return 0;
  }
  const uint32_t class_id = internal::ClassForRequest(context_.function, request);
  submit.set_class_id(class_id);
  return class_id;
}

void ReplayDriver::KillActor(uint64_t number) { driver_->client().EndActor({worker_, number + 1}, true); }

void ReplayDriver::CreateGroup(const PlannedGroup& group) {
  std::vector<Bundle> bundles;
  for (const ResourceSet& resources : group.bundles) bundles.push_back({resources, {}});
  groups_[group.number] = internal::CreateGroup(driver_->client(), bundles, {.strategy = group.strategy});
  context_.loop.Post([this, number = group.number] {
    if (!abandoned_) source_->OnGroupMade(*this, number);
  });
}

void ReplayDriver::RemoveGroup(uint64_t number) {
  internal::RemoveGroup(driver_->client(), groups_.at(number));
  groups_.erase(number);
}

void ReplayDriver::Put(const PlannedTask& put) {
  if (!put_error_.empty()) return;
  try {
    results_.emplace(std::pair{put.number, 0}, PutBytes({{worker_, put.number + 1}, 0}, put.results.front()));
  } catch (const Error& error) {
    put_error_ = error.what();  // as an exception that nobody catches: the program ends
    return context_.loop.Post([this] { Abandon(); });
  }
  context_.loop.Post([this, number = put.number] {
    if (abandoned_) return;
    source_->OnTaskEnded(*this, number);
    driver_->client().FlushReleased();
  });
}

ObjectRef ReplayDriver::PutBytes(ObjectId object, int64_t bytes) {
  internal::Client& client = driver_->client();
  if (bytes <= context_.inline_limit) return ObjectRef(client.PutAs(object, 0, {}));
  char* to = client.Allocate(object, bytes, false);
  ORRERY_ASSERT(to != nullptr);
  std::memset(to, 'x', static_cast<size_t>(bytes));
  return ObjectRef(client.PutAs(object, bytes, {}));
}

void ReplayDriver::OnTaskEnded(uint64_t number) {
  if (abandoned_) return;
  ++ended_;
  source_->OnTaskEnded(*this, number);
  driver_->client().FlushReleased();
}

}  // namespace orrery
